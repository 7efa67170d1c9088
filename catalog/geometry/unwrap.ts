/**
 * Longitudes made continuous, so that what crosses the antimeridian can be cut there. Two neighbours more than 180° apart are taken
 * to be joined the short way round, because unsplit footprints of scenes are written so. One exception: a shape that only touches
 * the outermost degree on both sides and spans most latitudes is a grid of the whole world, and stays as it is.
 */
import type { Position, Ring } from "./shape.ts";

/** `turns` is how often the path, closed, goes round the globe: other than 0 it goes round a pole. */
export type Unwrapped = { readonly path: readonly Position[]; readonly turns: number };

export function unwrap(path: readonly Position[], options: { closed: boolean }): Unwrapped {
  if (isWholeWorld(path)) return { path, turns: 0 };
  const out: Position[] = [];
  let before: number | undefined;
  for (const [longitude, latitude] of path) {
    const next: number = before === undefined ? longitude : nearest(longitude, before);
    out.push([next, latitude]);
    before = next;
  }
  const first = out[0]?.[0] ?? 0;
  const back = options.closed && before !== undefined ? nearest(first, before) : first;
  return { path: out, turns: Math.round((back - first) / 360) };
}

function isWholeWorld(path: readonly Position[]): boolean {
  const latitudes = path.map(([, latitude]) => latitude);
  const tall = Math.max(...latitudes) - Math.min(...latitudes) > 90;
  return tall && path.every(([longitude]) => Math.abs(longitude) >= 179 && Math.abs(longitude) <= 180);
}

/** The same meridian, at most 180° away from `reference`; what is so already is left alone. */
function nearest(longitude: number, reference: number): number {
  let result = longitude;
  while (result - reference > 180) result -= 360;
  while (reference - result > 180) result += 360;
  return result;
}

/** A ring round a pole, closed along it: the pole that is nearer to the ring's middle latitude. */
export function closeOverPole(ring: Ring, turns: number): Ring {
  const [first] = ring;
  if (!first || turns === 0) return ring;
  const mean = ring.reduce((sum, [, latitude]) => sum + latitude, 0) / ring.length;
  const pole = mean < 0 ? -90 : 90;
  const end = first[0] + 360 * Math.sign(turns);
  return [...ring, [end, first[1]], [end, pole], [first[0], pole]];
}
