/** A selection → one SQL condition over a product `p`: what it asks, and that the user may see it. */
import type { Selection } from "#crds/order.ts";
import { type Part, polygonText } from "../geometry/parts.ts";
import { parseArea } from "../geometry/selection-area.ts";
import { parseDate } from "../query/dates.ts";
import { FieldError } from "../query/field-error.ts";
import type { Params } from "../query/params.ts";
import { parseQuery } from "../query/parser.ts";
import { querySql } from "../query/sql.ts";
import type { Session } from "./session.ts";

export type SelectionContext = { readonly session: Session; readonly params: Params; readonly before: Date };

export function selectionSql(selection: Selection, context: SelectionContext): string {
  const { params, session } = context;
  const { query, geometry, includeIds, excludeIds } = selection;
  const tests = [datasetTest(selection.dataset, context), beforeTest(selection.before, context)];
  if (includeIds) tests.push(idTest(includeIds, params));
  if (excludeIds?.length) tests.push(`NOT ${idTest(excludeIds, params)}`);
  if (geometry !== undefined) tests.push(areaTest(parseArea(geometry), params));
  if (query !== undefined) tests.push(querySql(parseQuery(query), { attributes: session.attributes, params }));
  return `(${tests.join(" AND ")})`;
}

/** A dataset is named by its URN or label; labels need not be unique, so it may be several. */
function datasetTest(name: string | undefined, { session, params }: SelectionContext): string {
  if (name === undefined && session.seesAll) return "p.dataset_ids <> '{}'";
  const ids = session.datasets.filter(({ urn, label }) => name === undefined || urn === name || label === name);
  return `p.dataset_ids && ${params.add(
    ids.map(({ id }) => id),
    "integer[]",
  )}`;
}

/** Without a zone it is UTC, as everywhere in the contract. */
function beforeTest(own: string | undefined, { params, before }: SelectionContext): string {
  const limit = own === undefined ? undefined : parseDate(own);
  if (own !== undefined && !limit) throw new FieldError(`Cannot read '${own}' of 'before': expected a date-time`);
  const latest = `p.created_at < ${params.add(before.toISOString(), "timestamptz")}`;
  return limit ? `${latest} AND p.created_at < ${params.add(limit.start, "timestamptz")}` : latest;
}

function idTest(ids: readonly string[], params: Params): string {
  // No stored text holds NUL, and PostgreSQL would refuse the whole list for it.
  const possible = ids.filter((id) => !id.includes("\0"));
  const list = params.add(possible, "text[]");
  return `(p.provider_id = ANY(${list}) OR p.urn = ANY(${list}))`;
}

/** Overlap of outlines, less what lies wholly within a hole of the other side. */
function areaTest(parts: readonly Part[], params: Params): string {
  const tests = parts.map((part) => {
    const area = params.add(polygonText(part.area), "polygon");
    const holes = part.holes.map((hole) => ` AND NOT f.area <@ ${params.add(polygonText(hole), "polygon")}`).join("");
    return `(f.area && ${area} AND NOT EXISTS (SELECT FROM unnest(f.holes) AS h(area) WHERE ${area} <@ h.area)${holes})`;
  });
  return `EXISTS (SELECT FROM footprints f WHERE f.product_id = p.id AND (${tests.join(" OR ")}))`;
}
