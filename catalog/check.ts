/**
 * Everything about selections that can be said without the catalogue: syntax of queries, geometries and patterns, and their limits.
 * Pure, so that every way in (REST, AMQP, kubectl, command line) refuses the same with the same words.
 */
import { LIMITS, type Selection } from "#crds/order.ts";
import { parseArea } from "./geometry/selection-area.ts";
import { GeometryError } from "./geometry/shape.ts";
import { parseDate } from "./query/dates.ts";
import { parseQuery } from "./query/parser.ts";
import { postgresRegex } from "./query/postgres-regex.ts";
import { compileRegex, RegexError } from "./query/re2.ts";
import { QuerySyntaxError } from "./query/syntax-error.ts";
import type { Query } from "./query/tree.ts";

/** `field` is a path such as `selections[0].query`; `column` counts from 1. */
export type Problem = { readonly field: string; readonly message: string; readonly column?: number };

/** Empty when all is well. */
export function checkSelections(selections: readonly Selection[], field = "selections"): Problem[] {
  if (selections.length === 0) return [{ field, message: "Cannot order: expected at least one selection" }];
  if (selections.length > LIMITS.selections) {
    return [
      { field, message: `Cannot order: expected at most ${LIMITS.selections} selections, got ${selections.length}` },
    ];
  }
  return selections.flatMap((selection, index) => checkSelection(selection, `${field}[${index}]`));
}

function checkSelection(selection: Selection, field: string): Problem[] {
  const { query, geometry, fileNamePattern, before } = selection;
  return [
    ...checkShape(selection, field),
    ...(before === undefined || parseDate(before)
      ? []
      : [
          {
            field: `${field}.before`,
            message: `Cannot read time '${before.slice(0, 64)}': expected a date such as '2007-12-03T10:15:30Z'`,
          },
        ]),
    ...(query === undefined ? [] : problemOf(`${field}.query`, () => checkQuery(query))),
    ...(geometry === undefined ? [] : problemOf(`${field}.geometry`, () => checkGeometry(geometry))),
    ...(fileNamePattern === undefined
      ? []
      : problemOf(`${field}.fileNamePattern`, () => compileRegex(fileNamePattern))),
  ];
}

function checkShape(selection: Selection, field: string): Problem[] {
  const { query, dataset, geometry, includeIds, process, fileTypes, fileNamePattern } = selection;
  const problems: Problem[] = [];
  if (query === undefined && dataset === undefined && geometry === undefined && includeIds === undefined) {
    problems.push({
      field,
      message: "Cannot select products: expected a query, a dataset, a geometry or ids to include",
    });
  }
  if (process && (fileTypes || fileNamePattern !== undefined)) {
    problems.push({ field, message: "Impossible to have file filters and processing on the same dataset" });
  }
  for (const name of ["includeIds", "excludeIds"] as const) {
    const count = selection[name]?.length ?? 0;
    if (count <= LIMITS.idsPerSelection) continue;
    const message = `Cannot select products: expected at most ${LIMITS.idsPerSelection} ids, got ${count}`;
    problems.push({ field: `${field}.${name}`, message });
  }
  return problems;
}

function checkQuery(query: string): void {
  if (query.trim() === "") throw new QuerySyntaxError("expected a clause ('*' finds everything), found nothing", 1);
  for (const pattern of patternsOf(parseQuery(query))) postgresRegex(pattern);
}

function patternsOf(query: Query): readonly string[] {
  switch (query.kind) {
    case "and":
    case "or":
      return query.clauses.flatMap(patternsOf);
    case "not":
      return patternsOf(query.clause);
    case "term":
      return query.match.kind === "regex" ? [query.match.pattern] : [];
    case "all":
    case "exists":
      return [];
    default:
      return query satisfies never;
  }
}

function checkGeometry(geometry: string): void {
  if (geometry.length > LIMITS.geometryLength) {
    throw new GeometryError(`expected at most ${LIMITS.geometryLength} characters, got ${geometry.length}`);
  }
  parseArea(geometry);
}

function problemOf(field: string, check: () => unknown): Problem[] {
  try {
    check();
    return [];
  } catch (error) {
    if (error instanceof QuerySyntaxError) return [{ field, message: error.message, column: error.column }];
    if (error instanceof RegexError || error instanceof GeometryError) return [{ field, message: error.message }];
    throw error;
  }
}
