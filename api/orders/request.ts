/**
 * The contract's order request (OrderRequestDto), as REST apply and AMQP carry it, and what is wrong with one.
 * Unknown fields are ignored, as the contract's own service does: its clients send some. Within `selections`, which only our clients know,
 * an unknown field is refused, so that a misspelt filter never orders everything.
 */
import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { LIMITS, Selection } from "#crds/order.ts";
import { type BodyProblem, bodyProblems, firstPerField, withoutNulls } from "../http/check-body.ts";
import { AREA, areaField, areaProblems, type RequestedArea } from "./area.ts";
import { checkable } from "./checkable.ts";

export const OrderRequest = Type.Object(
  {
    queries: Type.Optional(
      Type.Array(Type.String({ maxLength: LIMITS.queryLength }), {
        minItems: 1,
        maxItems: LIMITS.selections,
        description: "What to order, in the catalogue's query language; the result is the union.",
        examples: [['platform:"landsat-8" AND eo:cloud_cover:[0 TO 60]']],
        fault: "list of queries should not be empty",
      }),
    ),
    filters: Type.Optional(
      Type.Object(
        {
          dataTypes: Type.Array(Type.Union([Type.Literal("RAWDATA"), Type.Literal("QUICKLOOK")]), {
            minItems: 1,
            description: "Kinds of file to order. `QUICKLOOK` stands for all its sizes.",
            fault: "There should be at least one datatype to order. DataType can be RAWDATA or QUICKLOOK",
          }),
          filenameRegExp: Type.Optional(
            Type.String({ maxLength: LIMITS.patternLength, description: "What the whole file name must match (RE2)." }),
          ),
        },
        { description: "Which files of the products." },
      ),
    ),
    correlationId: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: LIMITS.correlationIdLength,
        description: "Names the request: sent again, it is the same order. Absent: a new one.",
        fault: "provided correlationId must not exceed 255 characters.",
      }),
    ),
    user: Type.Optional(
      Type.String({
        maxLength: LIMITS.ownerLength,
        description: "Owner of the order. Over REST it is always the caller, whatever is sent.",
        fault: "user must not exceed 128 characters.",
      }),
    ),
    sizeLimitInBytes: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: Number.MAX_SAFE_INTEGER,
        description: "Refuse the order when the products found hold more bytes than this, before any file filter.",
      }),
    ),
    label: Type.Optional(
      Type.String({
        maxLength: LIMITS.labelLength,
        description: "Name of the order, unique among the owner's. Absent or empty: made from the date.",
        fault: "TOO_MANY_CHARACTERS_IN_LABEL",
      }),
    ),
    ...AREA,
    selections: Type.Optional(
      Type.Array(Selection, {
        minItems: 1,
        maxItems: LIMITS.selections,
        description: "Further selections, with what a query cannot express. Each has its own file filter.",
      }),
    ),
  },
  {
    description: "What to order: `queries`, an area, `selections`, or several of them. An area restricts the queries.",
  },
);
export type OrderRequest = {
  readonly queries?: readonly string[];
  readonly filters?: {
    readonly dataTypes: readonly ("RAWDATA" | "QUICKLOOK")[];
    readonly filenameRegExp?: string;
  };
  readonly correlationId?: string;
  readonly user?: string;
  readonly sizeLimitInBytes?: number;
  readonly label?: string;
  readonly selections?: readonly Selection[];
} & RequestedArea;

export type ParsedRequest =
  | { readonly kind: "request"; readonly request: OrderRequest }
  | { readonly kind: "problems"; readonly problems: readonly BodyProblem[] };

const checker = TypeCompiler.Compile(checkable(OrderRequest));

/** Checks the shape of a request; null counts as absent and a size in digits as a number, as the contract's service reads them. */
export function parseOrderRequest(body: unknown): ParsedRequest {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    return { kind: "problems", problems: [{ field: "body", message: "expected a JSON object" }] };
  }
  const candidate = lenient(body as Record<string, unknown>);
  const problems = [...bodyProblems(checker, candidate)];
  const hasArea = areaField(candidate) !== undefined;
  if (candidate["queries"] === undefined && candidate["selections"] === undefined && !hasArea) {
    problems.unshift({ field: "queries", message: "list of queries should not be empty" });
  }
  if (problems.length === 0) problems.push(...areaProblems(candidate));
  if (problems.length > 0) return { kind: "problems", problems: firstPerField(problems) };
  return { kind: "request", request: candidate as OrderRequest };
}

/** Reads what clients of the contract may send in another form than its schema. */
function lenient(body: Record<string, unknown>): Record<string, unknown> {
  const request = withoutNulls(body);
  const filters = request["filters"];
  if (typeof filters === "object" && filters !== null && !Array.isArray(filters)) {
    const { datatypes, ...rest } = withoutNulls(filters as Record<string, unknown>);
    // The guide's table spells it `datatypes`, its example `dataTypes`.
    request["filters"] = datatypes === undefined ? rest : { dataTypes: datatypes, ...rest };
  }
  const limit = request["sizeLimitInBytes"];
  if (typeof limit === "string" && /^\d{1,15}$/.test(limit)) request["sizeLimitInBytes"] = Number(limit);
  if (request["label"] === "") delete request["label"];
  return request;
}
