/** What becomes of a request for an order, with the contract's words for each refusal. REST and AMQP put the same outcome in their own form. */
import type { CallProblem } from "#catalog/process/check-call.ts";
import { type Excess, selectedTooMany } from "#catalog/process/limits.ts";
import type { OrderRow } from "#store/orders.ts";
import { isStorable } from "#store/storable.ts";
import type { BodyProblem } from "../http/check-body.ts";
import type { FieldProblem } from "../http/problem.ts";

export type ErrorType = "INVALID_CONTENT" | "FORBIDDEN" | "ORDER_LIMIT_REACHED" | "EMPTY_ORDER" | "INTERNAL_ERROR";

export type Refusal = {
  readonly kind: "refused";
  readonly correlationId: string;
  readonly status: "DENIED" | "FAILED";
  readonly errorType: ErrorType;
  readonly message: string;
  /** Number of validation errors; only where the request itself is wrong. */
  readonly errors?: number;
  /** For people: one line per thing that is wrong. */
  readonly messages: readonly string[];
  readonly fields: readonly FieldProblem[];
  readonly httpStatus: 403 | 409 | 422;
};

export type Acceptance = {
  readonly kind: "accepted";
  readonly row: OrderRow;
  /** The same request was accepted before. */
  readonly repeated: boolean;
};

type RefusalParts = Omit<Refusal, "kind" | "correlationId" | "messages" | "fields" | "httpStatus"> & {
  readonly fields?: readonly FieldProblem[];
  readonly messages?: readonly string[];
  readonly httpStatus?: Refusal["httpStatus"];
};

function refusal(correlationId: string, parts: RefusalParts): Refusal {
  return { kind: "refused", correlationId, httpStatus: 422, messages: [parts.message], fields: [], ...parts };
}

export function invalid(correlationId: string, problems: readonly BodyProblem[]): Refusal {
  return refusal(correlationId, {
    status: "DENIED",
    errorType: "INVALID_CONTENT",
    errors: problems.length,
    message: problems
      .map((p) => `[INVALID_CONTENT] ${p.message} at ${p.field}: rejected value [${shown(p.rejected)}].`)
      .join(", "),
    messages: problems.map((p) => `${p.field}: ${p.message}`),
    fields: problems,
  });
}

const LONGEST_VALUE = 100;

function shown(value: unknown): string {
  const text = typeof value === "string" ? value : (JSON.stringify(value ?? null) ?? "null");
  if (!isStorable(text)) return "unprintable";
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}…` : text;
}

export function unknownUser(correlationId: string, email: string): Refusal {
  return refusal(correlationId, {
    status: "DENIED",
    errorType: "FORBIDDEN",
    message: `[FORBIDDEN] Unknown user : ${email} at user: rejected value [null].`,
    httpStatus: 403,
  });
}

export function inactiveUser(correlationId: string, email: string): Refusal {
  return refusal(correlationId, {
    status: "DENIED",
    errorType: "FORBIDDEN",
    message: `[FORBIDDEN] Inactive user : ${email} at user: rejected value [null].`,
    httpStatus: 403,
  });
}

const CATALOGUE_FAILURE =
  "CatalogSearchException: Error applying search queries. Please correct your requests. Maybe your queries contains unknown attributes";

/** A query that cannot be understood or answered; `details` say which and why. */
export function searchFailed(
  correlationId: string,
  details: readonly string[],
  fields: readonly FieldProblem[] = [],
): Refusal {
  return refusal(correlationId, {
    status: "FAILED",
    errorType: "INTERNAL_ERROR",
    message: CATALOGUE_FAILURE,
    messages: details,
    fields,
  });
}

export function nothingFound(correlationId: string): Refusal {
  return refusal(correlationId, {
    status: "FAILED",
    errorType: "EMPTY_ORDER",
    message: "EmptySelectionException: This selection contains no file that can be ordered",
  });
}

export function tooLarge(correlationId: string, o: { readonly bytes: number; readonly limit: number }): Refusal {
  return refusal(correlationId, {
    status: "DENIED",
    errorType: "ORDER_LIMIT_REACHED",
    message: `ExceededBasketSizeException: The size of the basket [${o.bytes} bytes] exceeds the maximum size allowed [${o.limit} bytes]. Please review the order requested so that it does not exceed the maximum size configured.`,
  });
}

/** `message` tells the quota and by how much the order passes it. */
export function overQuota(correlationId: string, message: string): Refusal {
  return refusal(correlationId, { status: "DENIED", errorType: "ORDER_LIMIT_REACHED", message });
}

/** A process that may not be run, or not like this; for what is missing or wrong in the request itself each field is told. */
export function processRefused(
  correlationId: string,
  problems: readonly (CallProblem & BodyProblem & { readonly excess?: Excess })[],
): Refusal {
  const [first] = problems;
  if (first?.excess) {
    const text = selectedTooMany(first.excess);
    const message = `TooManyItemsSelectedInBasketException: ${text}`;
    return refusal(correlationId, {
      status: "DENIED",
      errorType: "ORDER_LIMIT_REACHED",
      message,
      messages: [text],
      httpStatus: 409,
    });
  }
  const refused = invalid(correlationId, problems);
  if (first?.kind !== "role") return refused;
  const message = refused.message.replaceAll("[INVALID_CONTENT]", "[FORBIDDEN]");
  return { ...refused, errorType: "FORBIDDEN", httpStatus: 403, message };
}

export function labelTaken(correlationId: string): Refusal {
  return refusal(correlationId, {
    status: "FAILED",
    errorType: "INTERNAL_ERROR",
    message: "EntityInvalidException: LABEL_NOT_UNIQUE_FOR_OWNER",
    messages: ["LABEL_NOT_UNIQUE_FOR_OWNER"],
  });
}

/** `field`: where the client has put the id. */
export function correlationIdTaken(
  correlationId: string,
  { field, orderId }: { readonly field: string; readonly orderId: number | undefined },
): Refusal {
  const by = orderId === undefined ? "another order" : `order ${orderId}`;
  return refusal(correlationId, {
    status: "DENIED",
    errorType: "INVALID_CONTENT",
    message: `[INVALID_CONTENT] Already used by ${by} with another request at ${field}: rejected value [${correlationId}].`,
    messages: [`${field}: already used by ${by} with another request`],
    httpStatus: 409,
  });
}
