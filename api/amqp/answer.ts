/** Answers to requests that became no order, and to cancels, as the outbox holds them: one each time the request comes. Pure. */
import type { QueuedMessage } from "#store/outbox.ts";
import type { ErrorType, Refusal } from "../orders/outcome.ts";
import type { Asked } from "./incoming.ts";

export function refused(asked: Asked, refusal: Refusal): QueuedMessage {
  return {
    ...answered(asked, "refused"),
    kind: refusal.status,
    payload: {
      correlationId: asked.correlationId,
      status: refusal.status,
      message: refusal.message,
      ...errorFields(refusal.errorType),
      ...(refusal.errors !== undefined && { errors: refusal.errors }),
    },
  };
}

export type CancelOutcome =
  | { readonly kind: "cancelled"; readonly orderId: number; readonly message: string }
  | {
      readonly kind: "refused";
      readonly orderId?: number;
      readonly errorType: ErrorType;
      readonly message: string;
      readonly errors?: number;
    };

/** The contract never answers a cancel; `request` tells these answers from those to an order request. */
export function cancelAnswer(asked: Asked, outcome: CancelOutcome): QueuedMessage {
  const kind = outcome.kind === "cancelled" ? "GRANTED" : "DENIED";
  return {
    ...answered(asked, "cancel"),
    kind,
    payload: {
      correlationId: asked.correlationId,
      status: kind,
      request: "CANCEL",
      ...(outcome.orderId !== undefined && { orderId: outcome.orderId }),
      message: outcome.message,
      ...(outcome.kind === "refused" && errorFields(outcome.errorType)),
      ...(outcome.kind === "refused" && outcome.errors !== undefined && { errors: outcome.errors }),
    },
  };
}

function answered(asked: Asked, what: string): Pick<QueuedMessage, "dedupKey" | "replyTo"> {
  return { dedupKey: `${what}:${asked.fingerprint}`, ...(asked.replyTo !== undefined && { replyTo: asked.replyTo }) };
}

/** The guides call it `errorCode`, every shipped version `errorType`: clients of both are served. */
function errorFields(errorType: ErrorType) {
  return { errorType, errorCode: errorType };
}
