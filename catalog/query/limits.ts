/** Bounds of one query: they keep the parser's stack, the SQL text and the planner's work small whatever a user sends. */
import { LIMITS } from "#crds/order.ts";

export const QUERY_LIMITS = {
  /** UTF-16 units of the query's text. */
  length: LIMITS.queryLength,
  /** Groups and negations inside each other. */
  depth: 32,
  /** Values, ranges and existence tests in all. */
  clauses: 1024,
  /** Of one regular expression. */
  patternLength: LIMITS.patternLength,
} as const;
