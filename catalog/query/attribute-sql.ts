/**
 * Tests of attributes, which lie in `properties` as `{name: [values]}`: always a list, so single and multiple values are asked alike.
 * Dates are kept in canonical form, whose order as text is their order in time.
 * A name may have several types, when imports differ: each type that the value fits is asked, and only none is an error.
 */
import { FieldError } from "./field-error.ts";
import type { AttributeType, Target } from "./fields.ts";
import type { Params } from "./params.ts";
import { EXPECTED } from "./scalar-sql.ts";
import { textTest } from "./text-sql.ts";
import type { Field, Match } from "./tree.ts";
import { type DateRange, dateRange, describeMatch, type NumberRange, numberRange, readBoolean } from "./value.ts";

type Attribute = Extract<Target, { kind: "attribute" }>;
type Question = { readonly field: Field; readonly match: Match; readonly target: Attribute };

export function attributeTest(question: Question, params: Params): string {
  const { field, match, target } = question;
  const types = new Set([...target.types].map((type) => (type === "integer" ? "double" : type)));
  const tests = [...types].flatMap((type) => typedTest(type, question, params) ?? []);
  if (tests.length > 0) return tests.join(" OR ");
  const expected = [...types].map((type) => EXPECTED[type]).join(" or ");
  if (match.kind === "range" && types.has("string")) {
    throw new FieldError(`Cannot search a range of '${field.name}': it is a string, expected a number or a date`);
  }
  throw new FieldError(`Cannot compare '${field.name}' with ${describeMatch(match)}: expected ${expected}`);
}

/** Undefined where the match makes no sense for the type. */
function typedTest(type: Exclude<AttributeType, "integer">, question: Question, params: Params): string | undefined {
  const { name } = question.target;
  const { match } = question;
  switch (type) {
    case "string":
      return stringTest(question, params);
    case "double": {
      const range = numberRange(match);
      return range && numberTest(name, range, params);
    }
    case "boolean": {
      const value = match.kind === "contains" || match.kind === "exact" ? readBoolean(match.value) : undefined;
      return value === undefined ? undefined : holds(name, value, params);
    }
    case "date": {
      const range = dateRange(match);
      return range && dateTest(name, range, params);
    }
    default:
      return type satisfies never;
  }
}

function stringTest({ field, match, target }: Question, params: Params): string | undefined {
  if (match.kind === "range") return undefined;
  if (match.kind === "exact" && field.mode !== "text") return holds(target.name, match.value, params);
  const values = `jsonb_array_elements(p.properties -> ${params.add(target.name, "text")}) AS e(item)`;
  const strings = `LATERAL (SELECT e.item #>> '{}' AS value) v`;
  const test = textTest("v.value", match, { params, mode: field.mode });
  return `EXISTS (SELECT FROM ${values}, ${strings} WHERE jsonb_typeof(e.item) = 'string' AND ${test})`;
}

function holds(name: string, value: string | number | boolean, params: Params): string {
  return `p.properties @> ${params.json({ [name]: [value] })}`;
}

function numberTest(name: string, { from, to }: NumberRange, params: Params): string {
  if (from && from.value === to?.value && from.inclusive && to.inclusive) return holds(name, from.value, params);
  const tests = [
    ...(from ? [`@ ${from.inclusive ? ">=" : ">"} $from`] : []),
    ...(to ? [`@ ${to.inclusive ? "<=" : "<"} $to`] : []),
  ];
  return pathTest({ name, tests, values: { from: from?.value, to: to?.value } }, params);
}

function dateTest(name: string, { from, before }: DateRange, params: Params): string {
  return pathTest({ name, tests: ["@ >= $from", "@ < $before"], values: { from, before } }, params);
}

/** A value of another type compares as unknown in JSON path, which is not a match and no error. */
function pathTest(
  question: { name: string; tests: readonly string[]; values: Readonly<Record<string, unknown>> },
  params: Params,
): string {
  const path = `$.${JSON.stringify(question.name)}[*] ? (${question.tests.join(" && ")})`;
  return `jsonb_path_exists(p.properties, ${params.add(path, "jsonpath")}, ${params.json(question.values)})`;
}
