/**
 * What administrators filter orders by (SearchRequestParameters, rs-order.md §7.2). Everything is optional; unknown fields are ignored, as
 * the contract's own service does. Times without an offset are UTC.
 */
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { ORDER_STATUSES, type OrderStatusWord } from "#crds/files.ts";
import { type OrderFilter, statusesExcept } from "#store/orders.ts";
import { checkedBody } from "../http/check-body.ts";
import { HttpProblem } from "../http/problem.ts";

const MAX_VALUES = 1000;

function oneOf<const V extends readonly string[]>(values: V, description: string) {
  return Type.Union(
    values.map((value) => Type.Literal(value as V[number])),
    { description },
  );
}

export const SearchParameters = Type.Object(
  {
    owner: Type.Optional(Type.String({ maxLength: 320, description: "A part of the owner's e-mail, in its case." })),
    statuses: Type.Optional(
      Type.Object({
        values: Type.Array(oneOf(ORDER_STATUSES, "A status."), {
          description: `At most ${MAX_VALUES}; with INCLUDE at least one.`,
        }),
        mode: oneOf(["INCLUDE", "EXCLUDE"], "Only these, or all but these."),
        matchMode: Type.Optional(
          oneOf(["STRICT", "STARTS_WITH", "CONTAINS", "ENDS_WITH"], "Accepted; statuses match whole or not."),
        ),
        ignoreCase: Type.Optional(Type.Boolean({ description: "Accepted; statuses have but one case." })),
      }),
    ),
    creationDate: Type.Optional(
      Type.Object({
        after: Type.Optional(Type.String({ description: "From this time on; ISO 8601, UTC unless told." })),
        before: Type.Optional(Type.String({ description: "Up to and with this time." })),
      }),
    ),
    waitingForUser: Type.Optional(Type.Boolean()),
  },
  { $id: "SearchRequestParameters" },
);

const checker = TypeCompiler.Compile(SearchParameters);

export function orderFilter(body: unknown): OrderFilter {
  const parameters = checkedBody(checker, withoutNullsWithin(body ?? {}));
  const { owner, statuses, creationDate, waitingForUser } = parameters;
  const after = timeOf(creationDate?.after, "creationDate.after");
  const before = timeOf(creationDate?.before, "creationDate.before");
  return {
    ...(owner && { ownerContains: owner }),
    ...(statuses && { statuses: wantedStatuses(statuses) }),
    ...(after && { createdAfter: after }),
    ...(before && { createdBefore: before }),
    ...(waitingForUser !== undefined && { waitingForUser }),
  };
}

/** null means absent, also inside. */
function withoutNullsWithin(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]) => (member === null ? [] : [[name, withoutNullsWithin(member)]])),
  );
}

type Statuses = NonNullable<Static<typeof SearchParameters>["statuses"]>;

function wantedStatuses({ values, mode }: Statuses): readonly OrderStatusWord[] {
  if (values.length > MAX_VALUES) throw new HttpProblem(422, [`List of values have a maximal size of ${MAX_VALUES}`]);
  if (mode === "EXCLUDE") return statusesExcept(values);
  if (values.length === 0) throw new HttpProblem(422, ["statuses.values: expected at least one with mode INCLUDE"]);
  return values;
}

const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?$/i;

function timeOf(text: string | undefined, field: string): Date | undefined {
  if (text === undefined) return undefined;
  const match = TIME.exec(text);
  const time = new Date(match && !match[1] ? `${text}Z` : text);
  if (!match || Number.isNaN(time.getTime())) {
    throw new HttpProblem(422, [`${field}: expected a time such as 2026-11-20T10:00:00Z, got '${text.slice(0, 64)}'`]);
  }
  return time;
}
