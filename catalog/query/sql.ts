/**
 * Query tree → one SQL condition over a product `p`, its values apart in `params`. Every leaf is true or false, never NULL, so that NOT
 * means all the others. Equality of attributes is asked as JSON containment, which the index over `properties` answers.
 */
import { attributeTest } from "./attribute-sql.ts";
import { FieldError } from "./field-error.ts";
import { type Attributes, resolveField, type Target } from "./fields.ts";
import type { Params } from "./params.ts";
import { postgresRegex } from "./postgres-regex.ts";
import { literal } from "./regex-character.ts";
import { scalarTest } from "./scalar-sql.ts";
import { type TextMatch, textTest, wildcardPattern } from "./text-sql.ts";
import type { Field, Query, Term } from "./tree.ts";

export type SqlOptions = { readonly attributes: Attributes; readonly params: Params };

/** Throws FieldError for what the catalogue does not know, RegexError for a pattern that it cannot match. */
export function querySql(query: Query, options: SqlOptions): string {
  switch (query.kind) {
    case "all":
      return "TRUE";
    case "and":
      return `(${query.clauses.map((clause) => querySql(clause, options)).join(" AND ")})`;
    case "or":
      return `(${query.clauses.map((clause) => querySql(clause, options)).join(" OR ")})`;
    case "not":
      return `NOT ${querySql(query.clause, options)}`;
    case "exists":
      return `(${existsTest(query.field, options)})`;
    case "term":
      return `(${termTest(query, options)})`;
    default:
      return query satisfies never;
  }
}

function termTest({ field, match }: Term, options: SqlOptions): string {
  if (!field) {
    if (match.kind === "range") throw new FieldError("Cannot search a range without a field");
    return anywhereTest(match, options.params);
  }
  const target = resolveField(field.name, options.attributes);
  if (target.kind === "attribute") return attributeTest({ field, match, target }, options.params);
  if (target.kind === "scalar") return scalarTest({ field, match, target }, options.params);
  if (match.kind === "range") {
    throw new FieldError(`Cannot search a range of '${field.name}': it is a string, expected a number or a date`);
  }
  const { params } = options;
  if (target.kind === "text") return textTest(target.sql, match, { params, mode: field.mode });
  if (match.kind === "exact" && target.equals && field.mode !== "text")
    return target.equals(params.add(match.value, "text"));
  return target.some(textTest("v.value", match, { params, mode: field.mode }));
}

function existsTest(field: Field, options: SqlOptions): string {
  const target: Target = resolveField(field.name, options.attributes);
  switch (target.kind) {
    case "attribute":
      return `p.properties ? ${options.params.add(target.name, "text")}`;
    case "text":
      return `${target.sql} <> ''`;
    case "scalar":
      return "TRUE";
    case "texts":
      return target.some("v.value <> ''");
    default:
      return target satisfies never;
  }
}

/** Any text of a product: `search_text` holds them all, each between two unit separators (U+001F). */
function anywhereTest(match: TextMatch, params: Params): string {
  switch (match.kind) {
    case "contains":
      return `strpos(p.search_text, ${params.add(match.value, "text")}) > 0`;
    case "exact":
      return `strpos(p.search_text, ${params.add(`\x1f${match.value}\x1f`, "text")}) > 0`;
    case "wildcard": {
      const pattern = wildcardPattern(match.pattern, { literal, any: "[^\x1f]*", one: "[^\x1f]" });
      return `p.search_text ~ ${params.add(`\x1f${pattern}\x1f`, "text")}`;
    }
    case "regex": {
      const { pattern, ignoreCase } = postgresRegex(match.pattern);
      const operator = ignoreCase ? "~*" : "~";
      const texts = "string_to_table(btrim(p.search_text, chr(31)), chr(31))";
      return `EXISTS (SELECT FROM ${texts} AS v(value) WHERE v.value ${operator} ${params.add(pattern, "text")})`;
    }
    default:
      return match satisfies never;
  }
}
