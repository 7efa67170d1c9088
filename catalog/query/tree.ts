/**
 * The tree of a product query: what a query says, free of how it was written.
 * Lists are flat (no `and` directly in an `and`) and a field group is spread over its values, so one meaning has one tree.
 */

/** Where to look; `mode` is what `field@text:` and `field@keyword:` ask for. */
export type Field = { readonly name: string; readonly mode?: "text" | "keyword" };

/** One end of a range. */
export type Bound = { readonly value: string; readonly inclusive: boolean };

export type Match =
  /** Unquoted: contained in the value. */
  | { readonly kind: "contains"; readonly value: string }
  /** Quoted: the whole value. */
  | { readonly kind: "exact"; readonly value: string }
  /** Unquoted with `*` or `?`: the whole value. Literal `*`, `?` and `\` carry a backslash. */
  | { readonly kind: "wildcard"; readonly pattern: string }
  /** Between slashes, RE2: the whole value. */
  | { readonly kind: "regex"; readonly pattern: string }
  | { readonly kind: "range"; readonly from?: Bound; readonly to?: Bound };

export type Term = { readonly kind: "term"; readonly field?: Field; readonly match: Match };

export type Query =
  | { readonly kind: "all" }
  | { readonly kind: "and"; readonly clauses: readonly Query[] }
  | { readonly kind: "or"; readonly clauses: readonly Query[] }
  | { readonly kind: "not"; readonly clause: Query }
  | { readonly kind: "exists"; readonly field: Field }
  | Term;

export const ALL: Query = { kind: "all" };

/** All of the clauses; a single one is itself. */
export function and(clauses: readonly Query[]): Query {
  return joined("and", clauses);
}

/** At least one of the clauses; a single one is itself. */
export function or(clauses: readonly Query[]): Query {
  return joined("or", clauses);
}

export function not(clause: Query): Query {
  return { kind: "not", clause };
}

function joined(kind: "and" | "or", clauses: readonly Query[]): Query {
  const flat = clauses.flatMap((clause) => (clause.kind === kind ? clause.clauses : [clause]));
  const [only] = flat;
  return flat.length === 1 && only ? only : { kind, clauses: flat };
}
