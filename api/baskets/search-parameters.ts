/**
 * The search parameters of the contract's engine `legacy` → one selection. What we cannot search by is refused: left out, it would order
 * more than was asked for. Paging is no part of a selection and ignored.
 */
import type { Selection } from "#crds/order.ts";
import { AreaError, boxWkt, circleWkt } from "./area.ts";

/** Parameters that make no selection; answered with 417. */
export class SearchParameterError extends Error {}

export type SearchParameters = Readonly<Record<string, readonly string[]>>;

const SEARCHED = ["q", "g", "bbox", "lat", "lon", "r", "exists"] as const;
const IGNORED = new Set(["page", "size", "sort", "facets", "scope", "token"]);

/** `queries` are those of the user, to be checked one by one before they are joined. */
export type Searched = {
  readonly queries: readonly string[];
  readonly selection: Pick<Selection, "query" | "geometry">;
};

/** Throws SearchParameterError. */
export function searched(parameters: SearchParameters): Searched {
  const given = withoutBlanks(parameters);
  for (const name of given.keys()) {
    if (IGNORED.has(name) || SEARCHED.some((known) => known === name)) continue;
    throw new SearchParameterError(`Cannot select by '${name.slice(0, 64)}': expected one of ${SEARCHED.join(", ")}`);
  }
  const queries = given.get("q") ?? [];
  const query = joined([...queries, ...(given.get("exists") ?? []).map(existsQuery)]);
  const geometry = areaOf(given);
  return { queries, selection: { ...(query !== undefined && { query }), ...(geometry !== undefined && { geometry }) } };
}

function withoutBlanks(parameters: SearchParameters): Map<string, readonly string[]> {
  const entries = Object.entries(parameters).map(
    ([name, values]) => [name, values.filter((value) => value.trim() !== "")] as const,
  );
  return new Map(entries.filter(([, values]) => values.length > 0));
}

function joined(clauses: readonly string[]): string | undefined {
  return clauses.length > 1 ? clauses.map((clause) => `(${clause})`).join(" AND ") : clauses[0];
}

function existsQuery(name: string): string {
  if (!/^[A-Za-z_][\w.-]*(:[\w.-]+)*$/.test(name)) {
    throw new SearchParameterError(
      `Cannot select by 'exists': expected the name of an attribute, got '${name.slice(0, 64)}'`,
    );
  }
  return `_exists_:${name}`;
}

/** One area at most: several could only be meant to meet, which a selection cannot say. */
function areaOf(given: ReadonlyMap<string, readonly string[]>): string | undefined {
  const circle = ["lat", "lon", "r"].filter((name) => given.has(name));
  if (circle.length % 3 !== 0) {
    throw new SearchParameterError("Cannot select by a circle: expected 'lat', 'lon' and 'r' together");
  }
  const geometries = given.get("g") ?? [];
  const boxes = given.get("bbox") ?? [];
  if (geometries.length + boxes.length + circle.length / 3 > 1) {
    throw new SearchParameterError("Cannot select by several areas: expected one of g, bbox, or lat with lon and r");
  }
  const one = (name: string) => given.get(name)?.[0] ?? "";
  try {
    if (boxes.length > 0) return boxWkt(one("bbox"));
    if (circle.length > 0) return circleWkt({ lat: one("lat"), lon: one("lon"), r: one("r") });
  } catch (error) {
    if (error instanceof AreaError) throw new SearchParameterError(`Cannot read the area: ${error.message}`);
    throw error;
  }
  return geometries[0];
}
