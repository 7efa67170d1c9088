/**
 * The area of an order request, as the geometry of its selections: WKT, GeoJSON, a box or a circle, with the meaning that they have in a basket.
 * One at most: several could only be meant to meet, which a selection cannot say.
 */
import { Type } from "@sinclair/typebox";
import { LIMITS } from "#crds/order.ts";
import { AreaError, boxWkt, circleWkt } from "../baskets/area.ts";
import type { BodyProblem } from "../http/check-body.ts";

export const AREA = {
  geometry: Type.Optional(
    Type.Union([Type.String({ maxLength: LIMITS.geometryLength }), Type.Object({ type: Type.String() })], {
      description: "Only products whose footprint meets this area: WKT, or a GeoJSON geometry, as object or text.",
      examples: ["POLYGON((0 40, 10 40, 10 50, 0 50, 0 40))"],
      fault: "expected WKT or a GeoJSON geometry",
    }),
  ),
  bbox: Type.Optional(
    Type.Union([Type.String({ maxLength: 256 }), Type.Array(Type.Number(), { minItems: 4, maxItems: 4 })], {
      description: "The same for a box: west, south, east, north in degrees; west may lie east of east.",
      examples: ["0,40,10,50"],
      fault: "expected 'west,south,east,north' in degrees",
    }),
  ),
  circle: Type.Optional(
    Type.Object(
      { lat: Type.Number(), lon: Type.Number(), r: Type.Number() },
      {
        description: "The same for what lies within `r` metres of a point.",
        additionalProperties: false,
        examples: [{ lat: 48.1, lon: 11.6, r: 50_000 }],
      },
    ),
  ),
};

export type RequestedArea = {
  readonly geometry?: string | Readonly<Record<string, unknown>>;
  readonly bbox?: string | readonly number[];
  readonly circle?: { readonly lat: number; readonly lon: number; readonly r: number };
};

const FIELDS = ["geometry", "bbox", "circle"] as const;

/** The field that the area stands in; undefined where there is none. */
export function areaField(area: RequestedArea): (typeof FIELDS)[number] | undefined {
  return FIELDS.find((field) => area[field] !== undefined);
}

/** What is wrong with the numbers of the area; a geometry is read with the selections. */
export function areaProblems(area: RequestedArea): readonly BodyProblem[] {
  const [field, ...more] = FIELDS.filter((each) => area[each] !== undefined);
  if (field === undefined) return [];
  if (more.length > 0) return [{ field: more[0] ?? field, message: `expected only one of ${FIELDS.join(", ")}` }];
  try {
    const text = areaGeometry(area) ?? "";
    if (text.length <= LIMITS.geometryLength) return [];
    return [{ field, message: `expected at most ${LIMITS.geometryLength} characters` }];
  } catch (error) {
    if (error instanceof AreaError) return [{ field, message: error.message, rejected: area[field] }];
    throw error;
  }
}

/** WKT or GeoJSON as text. Throws AreaError. */
export function areaGeometry({ geometry, bbox, circle }: RequestedArea): string | undefined {
  if (bbox !== undefined) return boxWkt(typeof bbox === "string" ? bbox : bbox.map(plain).join(","));
  if (circle !== undefined) {
    return circleWkt({ lat: plain(circle.lat), lon: plain(circle.lon), r: plain(circle.r) });
  }
  return geometry === undefined || typeof geometry === "string" ? geometry : JSON.stringify(geometry);
}

/** Digits without an exponent. */
function plain(value: number): string {
  return value.toFixed(9).replace(/\.?0+$/, "");
}
