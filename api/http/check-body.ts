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
  const values: unknown = error.schema["enum"] ?? error.schema["anyOf"]?.map((s: TSchema) => s["const"]);
  if (Array.isArray(values)) return `expected one of ${values.join(", ")}`;
  const message = error.message.replace(/^E/, "e").replace(/ to be /, " ");
  return message;
}
