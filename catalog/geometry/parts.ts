/**
 * Shapes → parts that PostgreSQL's `polygon` can hold: within ±180°, cut at the antimeridian. A point is a polygon of one vertex and
 * a line one that goes there and back: `&&` compares edges, so both are exact and not approximated.
 */
import type { Position, Ring, Shape } from "./shape.ts";
import { closeOverPole, unwrap } from "./unwrap.ts";

export type Part = { readonly area: Ring; readonly holes: readonly Ring[] };

export function partsOf(shapes: readonly Shape[]): readonly Part[] {
  return shapes.flatMap(splitShape);
}

/** As PostgreSQL reads a polygon. */
export function polygonText(ring: Ring): string {
  return `(${ring.map(([longitude, latitude]) => `(${longitude},${latitude})`).join(",")})`;
}

function splitShape(shape: Shape): readonly Part[] {
  switch (shape.kind) {
    case "point":
      return [{ area: [[intoWorld(shape.at[0]), shape.at[1]]], holes: [] }];
    case "line":
      return splitLine(shape.path);
    case "polygon":
      return splitPolygon(shape.outer, shape.holes);
    default:
      return shape satisfies never;
  }
}

function intoWorld(longitude: number): number {
  return longitude > 180 ? longitude - 360 : longitude < -180 ? longitude + 360 : longitude;
}

function splitLine(path: readonly Position[]): readonly Part[] {
  const { path: unwrapped } = unwrap(path, { closed: false });
  const [world = 0, ...others] = windowsOf(unwrapped);
  if (others.length === 0) return [{ area: shift(thereAndBack(unwrapped), world), holes: [] }];
  return [world, ...others].flatMap((each) => piecesWithin(unwrapped, each));
}

/** The segments of a line, each cut to one world. */
function piecesWithin(unwrapped: readonly Position[], world: number): readonly Part[] {
  const pieces: Part[] = [];
  for (let i = 1; i < unwrapped.length; i++) {
    const [a, b] = [unwrapped[i - 1], unwrapped[i]];
    if (!a || !b) continue;
    const clipped = clip([a, b], world);
    const [start] = clipped;
    const end = clipped.find((at) => start && (at[0] !== start[0] || at[1] !== start[1]));
    if (start && end) pieces.push({ area: shift([start, end], world), holes: [] });
  }
  return pieces;
}

function thereAndBack(path: readonly Position[]): Ring {
  return [...path, ...path.slice(1, -1).reverse()];
}

function splitPolygon(outer: Ring, holes: readonly Ring[]): readonly Part[] {
  const { path, turns } = unwrap(outer, { closed: true });
  const ring = closeOverPole(path, turns);
  const middle = average(ring);
  const aligned = holes.map((hole) => align(unwrap(hole, { closed: true }).path, middle));
  return windowsOf(ring).flatMap((world) => {
    const area = shift(clip(ring, world), world);
    if (!hasExtent(area)) return [];
    return [{ area, holes: aligned.map((hole) => shift(clip(hole, world), world)).filter(hasExtent) }];
  });
}

/** Moves a hole by whole turns to where its polygon was unwrapped to. */
function align(hole: Ring, middle: number): Ring {
  const turns = Math.round((middle - average(hole)) / 360);
  return hole.map(([longitude, latitude]) => [longitude + 360 * turns, latitude]);
}

function average(ring: Ring): number {
  return ring.reduce((sum, [longitude]) => sum + longitude, 0) / Math.max(1, ring.length);
}

/** The worlds, 360° wide each, that the ring lies in: 0 is ours. */
function windowsOf(ring: Ring): number[] {
  const longitudes = ring.map(([longitude]) => longitude);
  const first = Math.floor((Math.min(...longitudes) + 180) / 360);
  const last = Math.ceil((Math.max(...longitudes) + 180) / 360) - 1;
  return Array.from({ length: Math.max(1, last - first + 1) }, (_, index) => first + index);
}

function shift(ring: Ring, world: number): Ring {
  return world === 0 ? ring : ring.map(([longitude, latitude]) => [longitude - 360 * world, latitude]);
}

/** Sutherland and Hodgman, for the two meridians that bound a world. */
function clip(ring: Ring, world: number): Ring {
  const west = 360 * world - 180;
  const east = west + 360;
  return cut(
    cut(ring, west, (longitude) => longitude >= west),
    east,
    (longitude) => longitude <= east,
  );
}

function cut(ring: Ring, meridian: number, inside: (longitude: number) => boolean): Ring {
  return ring.flatMap((at, index) => {
    const before = ring.at(index - 1) ?? at;
    const crossing: Position[] = inside(at[0]) === inside(before[0]) ? [] : [crossingAt(before, at, meridian)];
    return inside(at[0]) ? [...crossing, at] : crossing;
  });
}

function crossingAt(a: Position, b: Position, meridian: number): Position {
  const share = (meridian - a[0]) / (b[0] - a[0]);
  return [meridian, a[1] + share * (b[1] - a[1])];
}

function hasExtent(ring: Ring): boolean {
  const longitudes = new Set(ring.map(([longitude]) => longitude));
  return ring.length >= 3 && longitudes.size > 1;
}
