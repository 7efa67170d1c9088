/**
 * Areas that are not written as a geometry, as WKT: a box and a circle. Their edges are kept short, because the catalogue takes two
 * neighbouring corners to be joined the short way round the globe.
 */

const EARTH_RADIUS_M = 6_371_008.8;
const MAX_RADIUS_M = 10_000_000;
const CORNERS = 64;
const LONGEST_EDGE = 90;

/** Numbers that are no area; the message says what was expected. */
export class AreaError extends Error {}

/** `west,south,east,north` in degrees; west may lie east of east: then it crosses the antimeridian. */
export function boxWkt(text: string): string {
  const numbers = text.split(",").map(numberOf);
  const [west = 0, south = 0, east = 0, north = 0] = numbers;
  const fits = numbers.length === 4 && [west, east].every(isLongitude) && [south, north].every(isLatitude);
  if (!fits || south > north) {
    throw new AreaError(`expected 'west,south,east,north' in degrees, got '${text.slice(0, 64)}'`);
  }
  // Corners lie within 360° either way.
  const [from, to] = east >= west ? [west, east] : east > 0 ? [west - 360, east] : [west, east + 360];
  const steps = Math.max(1, Math.ceil((to - from) / LONGEST_EDGE));
  const along = Array.from({ length: steps + 1 }, (_, i) => from + ((to - from) * i) / steps);
  return polygonWkt([
    ...along.map((longitude) => [longitude, south] as const),
    ...along.toReversed().map((longitude) => [longitude, north] as const),
  ]);
}

/** What lies at most `r` metres from a point, as a polygon round that circle: nothing within is missed. */
export function circleWkt(text: { readonly lat: string; readonly lon: string; readonly r: string }): string {
  const [latitude, longitude, radius] = [numberOf(text.lat), numberOf(text.lon), numberOf(text.r)];
  if (!isLatitude(latitude)) throw new AreaError(`expected 'lat' from -90 to 90, got '${text.lat.slice(0, 64)}'`);
  if (!isLongitude(longitude)) throw new AreaError(`expected 'lon' from -180 to 180, got '${text.lon.slice(0, 64)}'`);
  if (!(radius >= 0 && radius <= MAX_RADIUS_M)) {
    throw new AreaError(`expected 'r' from 0 to ${MAX_RADIUS_M} metres, got '${text.r.slice(0, 64)}'`);
  }
  if (radius === 0) return `POINT(${longitude} ${latitude})`;
  const angle = Math.atan(Math.tan(radius / EARTH_RADIUS_M) / Math.cos(Math.PI / CORNERS));
  return polygonWkt(
    Array.from({ length: CORNERS }, (_, i) => at({ latitude, longitude }, angle, (2 * Math.PI * i) / CORNERS)),
  );
}

/** Where one comes from a point by an angle of the globe in a direction, both in radians. */
function at(from: { latitude: number; longitude: number }, angle: number, bearing: number): readonly [number, number] {
  const lat = radians(from.latitude);
  const sine = Math.sin(lat) * Math.cos(angle) + Math.cos(lat) * Math.sin(angle) * Math.cos(bearing);
  const there = Math.asin(Math.min(1, Math.max(-1, sine)));
  const east = Math.atan2(
    Math.sin(bearing) * Math.sin(angle) * Math.cos(lat),
    Math.cos(angle) - Math.sin(lat) * Math.sin(there),
  );
  return [from.longitude + degrees(east), degrees(there)];
}

function polygonWkt(corners: readonly (readonly [number, number])[]): string {
  const ring = [...corners, ...corners.slice(0, 1)];
  return `POLYGON((${ring.map(([longitude, latitude]) => `${round(longitude)} ${round(latitude)}`).join(", ")}))`;
}

/** To a tenth of a metre; also keeps exponents out, which WKT does not have. */
function round(degree: number): number {
  return Math.round(degree * 1e6) / 1e6;
}

function numberOf(text: string): number {
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)\s*$/.test(text) ? Number(text) : Number.NaN;
}

function isLatitude(value: number): boolean {
  return Math.abs(value) <= 90;
}

function isLongitude(value: number): boolean {
  return Math.abs(value) <= 180;
}

function radians(degree: number): number {
  return (degree * Math.PI) / 180;
}

function degrees(radian: number): number {
  return (radian * 180) / Math.PI;
}
