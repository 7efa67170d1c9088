/** GeoJSON geometry (RFC 7946) → shapes. Heights are left out; a collection is the list of its members. */
import { closedRing, GeometryError, linePath, type Position, position, type Shape, SUPPORTED } from "./shape.ts";

export function shapesOfGeoJson(geometry: unknown): readonly Shape[] {
  const { type, coordinates, geometries } = object(geometry);
  switch (type) {
    case "Point":
      return [{ kind: "point", at: readPosition(coordinates) }];
    case "MultiPoint":
      return list(coordinates).map((at) => ({ kind: "point", at: readPosition(at) }));
    case "LineString":
      return [line(coordinates)];
    case "MultiLineString":
      return list(coordinates).map(line);
    case "Polygon":
      return [polygon(coordinates)];
    case "MultiPolygon":
      return list(coordinates).map(polygon);
    case "GeometryCollection":
      return list(geometries).flatMap(memberOfCollection);
    default:
      throw new GeometryError(`expected one of ${SUPPORTED}, got '${String(type).slice(0, 64)}'`);
  }
}

/** Collections within collections are not GeoJSON's intent (RFC 7946 §3.1.8) and could be endless. */
function memberOfCollection(geometry: unknown): readonly Shape[] {
  if (object(geometry)["type"] === "GeometryCollection")
    throw new GeometryError("expected no collection within a collection");
  return shapesOfGeoJson(geometry);
}

function line(coordinates: unknown): Shape {
  return { kind: "line", path: linePath(list(coordinates).map(readPosition)) };
}

function polygon(coordinates: unknown): Shape {
  const [outer, ...holes] = list(coordinates).map((ring) => closedRing(list(ring).map(readPosition)));
  if (!outer) throw new GeometryError("expected a polygon with a ring");
  return { kind: "polygon", outer, holes };
}

function readPosition(value: unknown): Position {
  const [longitude, latitude] = list(value);
  return position(longitude, latitude);
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new GeometryError("expected a list of coordinates");
  return value;
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw new GeometryError("expected a GeoJSON object");
  return value as Record<string, unknown>;
}
