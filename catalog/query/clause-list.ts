/**
 * What a list of clauses means when some carry a sign, after Lucene: all `+` clauses must hold, no `-` clause may, and where
 * there is no `+` at least one of the others must. With a `+` the unsigned ones only rank in Lucene; here they change nothing.
 *
 * `NOT x` (or `!x`) beside an explicit OR is plain logic (`a OR NOT b`); in a list without operators it excludes, as
 * `landsat NOT cloudy` means everywhere. `-` always excludes, so that an order never grows by what was meant to be left out.
 */
import { and, not, or, type Query } from "./tree.ts";

export type Sign = "none" | "required" | "prohibited" | "negated";
export type Signed = { readonly query: Query; readonly sign: Sign };
/** A clause of a list; `beside` an explicit OR. */
export type Clause = Signed & { readonly besideOr: boolean };

/** A signed clause on its own or in an AND. */
export function unsigned({ query, sign }: Signed): Query {
  return sign === "prohibited" || sign === "negated" ? not(query) : query;
}

export function combine(clauses: readonly Clause[]): Query {
  const [first, ...others] = clauses;
  if (first && others.length === 0) return unsigned(first);
  const excluded = clauses.filter(excludes).map((clause) => not(clause.query));
  const required = clauses.filter((clause) => clause.sign === "required").map((clause) => clause.query);
  if (required.length > 0) return and([...required, ...excluded]);
  const optional = clauses.filter((clause) => !excludes(clause)).map(unsigned);
  return and([...(optional.length > 0 ? [or(optional)] : []), ...excluded]);
}

function excludes(clause: Clause): boolean {
  return clause.sign === "prohibited" || (clause.sign === "negated" && !clause.besideOr);
}
