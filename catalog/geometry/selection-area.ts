/** The geometry of a selection, WKT or GeoJSON as text → parts. Refuses what would make the search slow: too many parts. */
import { shapesOfGeoJson } from "./geojson.ts";
import { type Part, partsOf } from "./parts.ts";
import { GeometryError } from "./shape.ts";
import { shapesOfWkt } from "./wkt.ts";

const MAX_PARTS = 64;

/** Throws GeometryError. */
export function parseArea(text: string): readonly Part[] {
  const parts = partsOf(text.trimStart().startsWith("{") ? shapesOfGeoJson(parseJson(text)) : shapesOfWkt(text));
  if (parts.length === 0) throw new GeometryError("expected a geometry that is not empty");
  if (parts.length > MAX_PARTS) throw new GeometryError(`expected at most ${MAX_PARTS} parts, got ${parts.length}`);
  return parts;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new GeometryError("expected GeoJSON, found text that is not JSON");
  }
}
