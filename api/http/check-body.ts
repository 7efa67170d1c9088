/**
 * Checks a body against its schema and says what is wrong, a line per field. A schema's `fault` holds the contract's own words for a field:
 * they are told as they are, because clients compare them.
 */
import type { Static, TSchema } from "@sinclair/typebox";
import type { TypeCheck } from "@sinclair/typebox/compiler";
import { type ValueError, ValueErrorType } from "@sinclair/typebox/errors";
import { HttpProblem } from "./problem.ts";

/** What is wrong with one field of a body; `rejected` is what stood there. */
export type BodyProblem = {
  readonly field: string;
  readonly message: string;
  readonly rejected?: unknown;
  /** The message is the contract's. */
  readonly literal?: boolean;
};

const MAX_PROBLEMS = 20;

/** At most one per field. */
export function bodyProblems(checker: TypeCheck<TSchema>, candidate: unknown): readonly BodyProblem[] {
  return firstPerField([...checker.Errors(candidate)].map(toProblem));
}

/** The body as its schema has it, null members counting as absent; or 422. */
export function checkedBody<T extends TSchema>(checker: TypeCheck<T>, body: unknown): Static<T> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new HttpProblem(422, ["body: expected a JSON object"]);
  }
  const candidate: unknown = withoutNulls(body as Record<string, unknown>);
  const problems = bodyProblems(checker, candidate);
  if (problems.length === 0) return candidate as Static<T>;
  throw new HttpProblem(
    422,
    problems.map(({ field, message, literal }) => (literal ? message : `${field}: ${message}`)),
    {},
    { fields: problems },
  );
}

export function withoutNulls(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}

export function firstPerField(problems: readonly BodyProblem[]): readonly BodyProblem[] {
  const byField = new Map<string, BodyProblem>();
  for (const problem of problems) if (!byField.has(problem.field)) byField.set(problem.field, problem);
  return [...byField.values()].slice(0, MAX_PROBLEMS);
}

function toProblem(error: ValueError): BodyProblem {
  const field = error.path
    .slice(1)
    .replaceAll(/\/(\d+)/g, "[$1]")
    .replaceAll("/", ".");
  if (error.type === ValueErrorType.ObjectAdditionalProperties) {
    return { field, message: `unknown field; expected one of ${Object.keys(error.schema["properties"]).join(", ")}` };
  }
  const fault: unknown = error.schema["fault"];
  const literal = typeof fault === "string";
  return { field, message: literal ? fault : expected(error), rejected: error.value, ...(literal && { literal }) };
}

function expected(error: ValueError): string {
  const { schema, type, errors } = error;
  const values: unknown = schema["enum"] ?? literals(schema["anyOf"]);
  if (Array.isArray(values)) return `expected one of ${values.join(", ")}`;
  if (type === ValueErrorType.Union) return ofVariants(errors.flatMap((variant) => [...variant].slice(0, 1)));
  const bound = BOUNDS[type];
  if (bound) return bound(schema);
  return error.message.replace(/^E/, "e").replace(/ to be /, " ");
}

/** What the members of a union are, where each is one value. */
function literals(variants: readonly TSchema[] | undefined): readonly unknown[] | undefined {
  const values = variants?.map((variant): unknown => variant["const"]);
  return values?.every((value) => value !== undefined) ? values : undefined;
}

/** A value of none of the right kinds is told the kinds; one of the right kind, beyond its bounds, is told those. */
function ofVariants(reasons: readonly ValueError[]): string {
  const texts = reasons.map(expected);
  const nearest = texts[reasons.findIndex(({ type }) => BOUNDS[type] !== undefined)];
  const kinds = texts.map((text) => text.replace(/^expected /, ""));
  if (nearest === undefined) return `expected ${kinds.join(" or ")}`;
  return kinds.includes("null") ? `${nearest}, or null` : nearest;
}

type Bound = (schema: TSchema) => string;

const counted = (n: unknown, noun: string) => `${n} ${noun}${n === 1 ? "" : "s"}`;
const AT_LEAST: Bound = (schema) => `expected at least ${schema["minimum"]}`;
const AT_MOST: Bound = (schema) => `expected at most ${schema["maximum"]}`;
const ABOVE: Bound = (schema) => `expected more than ${schema["exclusiveMinimum"]}`;

const BOUNDS: Partial<Record<ValueErrorType, Bound>> = {
  [ValueErrorType.ObjectRequiredProperty]: () => "missing",
  [ValueErrorType.StringMinLength]: (schema) => `expected at least ${counted(schema["minLength"], "character")}`,
  [ValueErrorType.StringMaxLength]: (schema) => `expected at most ${counted(schema["maxLength"], "character")}`,
  [ValueErrorType.ArrayMinItems]: (schema) => `expected at least ${counted(schema["minItems"], "element")}`,
  [ValueErrorType.ArrayMaxItems]: (schema) => `expected at most ${counted(schema["maxItems"], "element")}`,
  [ValueErrorType.ArrayUniqueItems]: () => "expected no element twice",
  [ValueErrorType.IntegerMinimum]: AT_LEAST,
  [ValueErrorType.NumberMinimum]: AT_LEAST,
  [ValueErrorType.IntegerMaximum]: AT_MOST,
  [ValueErrorType.NumberMaximum]: AT_MOST,
  [ValueErrorType.NumberExclusiveMinimum]: ABOVE,
};
