/** Geometries as their text says them: longitude, latitude in degrees, rings without their closing point. */

export type Position = readonly [longitude: number, latitude: number];
export type Ring = readonly Position[];

export type Shape =
  | { readonly kind: "point"; readonly at: Position }
  | { readonly kind: "line"; readonly path: readonly Position[] }
  | { readonly kind: "polygon"; readonly outer: Ring; readonly holes: readonly Ring[] };

/** A geometry that cannot be used, and why. */
export class GeometryError extends Error {
  constructor(problem: string) {
    super(`Cannot read geometry: ${problem}`);
    this.name = "GeometryError";
  }
}

export const SUPPORTED = "POINT, LINESTRING, POLYGON and their MULTI forms";

/** `ring` as written: at least four positions, the last equal to the first. */
export function closedRing(ring: readonly Position[]): Ring {
  const first = ring[0];
  const last = ring.at(-1);
  if (!first || !last || ring.length < 4) throw new GeometryError("expected a ring of at least 4 positions");
  if (first[0] !== last[0] || first[1] !== last[1])
    throw new GeometryError("expected a ring that ends where it begins");
  return ring.slice(0, -1);
}

export function position(longitude: unknown, latitude: unknown): Position {
  if (typeof longitude !== "number" || typeof latitude !== "number")
    throw new GeometryError("expected two numbers in each position");
  if (!(Math.abs(longitude) <= 360)) throw new GeometryError(`expected a longitude from -360 to 360, got ${longitude}`);
  if (!(Math.abs(latitude) <= 90)) throw new GeometryError(`expected a latitude from -90 to 90, got ${latitude}`);
  return [longitude, latitude];
}

export function linePath(path: readonly Position[]): readonly Position[] {
  if (path.length < 2) throw new GeometryError("expected a line of at least 2 positions");
  return path;
}
