/** Tests of the static fields that are no text: `version`, `last`, `_creationDate`, `_lastUpdate`. */
import { FieldError } from "./field-error.ts";
import type { Target } from "./fields.ts";
import type { Params } from "./params.ts";
import type { Field, Match } from "./tree.ts";
import { dateRange, describeMatch, type NumberRange, numberRange, readBoolean } from "./value.ts";

type Scalar = Extract<Target, { kind: "scalar" }>;
type Question = { readonly field: Field; readonly match: Match; readonly target: Scalar };

export function scalarTest({ field, match, target }: Question, params: Params): string {
  const test = testOf(target, match, params);
  if (test !== undefined) return test;
  throw new FieldError(
    `Cannot compare '${field.name}' with ${describeMatch(match)}: expected ${EXPECTED[target.type]}`,
  );
}

/** What a value of each type looks like, for errors. */
export const EXPECTED = {
  string: "a text",
  integer: "a number",
  double: "a number",
  boolean: "'true' or 'false'",
  date: "a date such as '2007-12-03T10:15:30Z'",
} as const;

function testOf({ type, sql }: Scalar, match: Match, params: Params): string | undefined {
  switch (type) {
    case "boolean": {
      const value = match.kind === "contains" || match.kind === "exact" ? readBoolean(match.value) : undefined;
      return value === undefined ? undefined : `${sql} = ${value ? "TRUE" : "FALSE"}`;
    }
    case "integer": {
      const range = numberRange(match);
      return range && numberTest(sql, range, params);
    }
    case "date": {
      const range = dateRange(match);
      return (
        range &&
        `${sql} >= ${params.add(range.from, "timestamptz")} AND ${sql} < ${params.add(range.before, "timestamptz")}`
      );
    }
    default:
      return type satisfies never;
  }
}

function numberTest(sql: string, { from, to }: NumberRange, params: Params): string {
  const tests: string[] = [];
  if (from) tests.push(`${sql} ${from.inclusive ? ">=" : ">"} ${params.add(from.value, "double precision")}`);
  if (to) tests.push(`${sql} ${to.inclusive ? "<=" : "<"} ${params.add(to.value, "double precision")}`);
  return tests.join(" AND ");
}
