/** Tree → text that parses to the same tree. Always explicit: every operator is written, so no default has to be known. */
import type { Bound, Field, Match, Query } from "./tree.ts";

const PLAIN_NAME = /^[A-Za-z][\w.-]*(:[A-Za-z][\w.-]*)*$/;
const RESERVED = /^(AND|OR|NOT|TO)$/;

export function printQuery(query: Query): string {
  switch (query.kind) {
    case "all":
      return "*:*";
    case "and":
      return query.clauses.map(inGroup).join(" AND ");
    case "or":
      return query.clauses.map(inGroup).join(" OR ");
    case "not":
      return `NOT ${inGroup(query.clause)}`;
    case "exists":
      return `_exists_:${printField(query.field)}`;
    case "term":
      return query.field ? `${printField(query.field)}:${printMatch(query.match)}` : printMatch(query.match);
    default:
      return query satisfies never;
  }
}

/** Parentheses wherever a part has operators of its own. */
function inGroup(query: Query): string {
  const text = printQuery(query);
  return query.kind === "and" || query.kind === "or" ? `(${text})` : text;
}

function printField(field: Field): string {
  const name = PLAIN_NAME.test(field.name) && !RESERVED.test(field.name) ? field.name : escapeAll(field.name);
  return field.mode ? `${name}@${field.mode}` : name;
}

function printMatch(match: Match): string {
  switch (match.kind) {
    case "contains":
      return escapeAll(match.value);
    case "exact":
      return quote(match.value);
    case "wildcard":
      return match.pattern.replaceAll(/\\[\s\S]|[^\w*?]/gu, (piece) => (piece.length > 1 ? piece : `\\${piece}`));
    case "regex":
      return `/${match.pattern.replaceAll(/\\[\s\S]|\//g, (piece) => (piece === "/" ? "\\/" : piece))}/`;
    case "range":
      return printRange(match.from, match.to);
    default:
      return match satisfies never;
  }
}

function printRange(from: Bound | undefined, to: Bound | undefined): string {
  const open = from && !from.inclusive ? "{" : "[";
  const close = to && !to.inclusive ? "}" : "]";
  return `${open}${from ? quote(from.value) : "*"} TO ${to ? quote(to.value) : "*"}${close}`;
}

function quote(value: string): string {
  return `"${value.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** A word of which nothing is read as syntax. */
function escapeAll(text: string): string {
  const escaped = text.replaceAll(/[^\w.]/gu, "\\$&");
  return RESERVED.test(escaped) || escaped.startsWith("_") ? `\\${escaped}` : escaped;
}
