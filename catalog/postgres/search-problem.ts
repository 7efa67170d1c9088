/** Tells what is wrong with a question to the catalogue from what is wrong with the catalogue. */
import { GeometryError } from "../geometry/shape.ts";
import { FieldError } from "../query/field-error.ts";
import { RegexError } from "../query/re2.ts";
import { QuerySyntaxError } from "../query/syntax-error.ts";

const BY_SQLSTATE: Readonly<Record<string, string>> = {
  "2201B": "Cannot match a regular expression of the query: PostgreSQL does not take it",
  "54001": "Cannot search: the query is too complex",
};

/** What the asker can do about it; undefined for errors that are not about the question. */
export function searchProblem(error: unknown, timeoutMs: number): string | undefined {
  if (error instanceof FieldError || error instanceof QuerySyntaxError) return error.message;
  if (error instanceof RegexError || error instanceof GeometryError) return error.message;
  const code = (error as { code?: unknown } | null)?.code;
  if (code === "57014") return `Search was stopped after ${timeoutMs / 1000} s: narrow the selection`;
  return typeof code === "string" ? BY_SQLSTATE[code] : undefined;
}
