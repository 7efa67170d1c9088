import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { shapesOfGeoJson } from "./geojson.ts";
import { GeometryError, type Shape } from "./shape.ts";
import { shapesOfWkt } from "./wkt.ts";

const SQUARE: [number, number][] = [
  [0, 0],
  [2, 0],
  [2, 2],
  [0, 0],
];
const HOLE: [number, number][] = [
  [1, 0.5],
  [1.5, 0.5],
  [1.5, 1],
  [1, 0.5],
];
const polygon: Shape = { kind: "polygon", outer: SQUARE.slice(0, -1), holes: [HOLE.slice(0, -1)] };
const line: Shape = {
  kind: "line",
  path: [
    [0, 0],
    [1, -1.5],
  ],
};

const same: Record<string, readonly [wkt: string, geojson: object, want: readonly Shape[]]> = {
  "a point": ["POINT (1 -2.5e0)", { type: "Point", coordinates: [1, -2.5] }, [{ kind: "point", at: [1, -2.5] }]],
  "a point with height": [
    "point z(1 2 300)",
    { type: "Point", coordinates: [1, 2, 300] },
    [{ kind: "point", at: [1, 2] }],
  ],
  points: [
    "MULTIPOINT((1 2),(3 4))",
    {
      type: "MultiPoint",
      coordinates: [
        [1, 2],
        [3, 4],
      ],
    },
    [
      { kind: "point", at: [1, 2] },
      { kind: "point", at: [3, 4] },
    ],
  ],
  "a line": ["LINESTRING(0 0, 1 -1.5)", { type: "LineString", coordinates: line.path }, [line]],
  lines: [
    "MULTILINESTRING((0 0,1 -1.5),(0 0,1 -1.5))",
    { type: "MultiLineString", coordinates: [line.path, line.path] },
    [line, line],
  ],
  "a polygon with a hole": [
    "POLYGON((0 0,2 0,2 2,0 0),(1 .5,1.5 .5,1.5 1,1 .5))",
    { type: "Polygon", coordinates: [SQUARE, HOLE] },
    [polygon],
  ],
  polygons: [
    "SRID=4326;MULTIPOLYGON(((0 0,2 0,2 2,0 0),(1 .5,1.5 .5,1.5 1,1 .5)))",
    { type: "MultiPolygon", coordinates: [[SQUARE, HOLE]] },
    [polygon],
  ],
};
const badWkt: Record<string, string> = {
  "": "expected one of POINT, LINESTRING, POLYGON and their MULTI forms, got ''",
  "CIRCLE(1 2)": "expected one of POINT, LINESTRING, POLYGON and their MULTI forms, got 'CIRCLE'",
  "POINT(1)": "expected 2 to 4 numbers, found ')'",
  "POINT(1 2": "expected ')', found the end",
  "POINT(1 2) x": "expected the end, found 'x'",
  "POINT EMPTY": "expected a geometry that is not empty",
  "POINT(1 91)": "expected a latitude from -90 to 90, got 91",
  "POINT(1e9 0)": "expected a longitude from -360 to 360, got 1000000000",
  "POINT(1 2)#": "expected a word, a number or a bracket at column 11",
  "POLYGON((0 0,1 0,1 1,0 1))": "expected a ring that ends where it begins",
  "SRID=2154;POINT(1 2)": "expected SRID 4326, got 2154",
};
const badGeoJson: Record<string, readonly [geometry: unknown, message: string]> = {
  "no object": [null, "expected a GeoJSON object"],
  "a feature": [{ type: "Feature" }, "expected one of POINT, LINESTRING, POLYGON and their MULTI forms, got 'Feature'"],
  "no coordinates": [{ type: "Point" }, "expected a list of coordinates"],
  "texts for numbers": [{ type: "Point", coordinates: ["1", "2"] }, "expected two numbers in each position"],
  "not a number": [{ type: "Point", coordinates: [Number.NaN, 2] }, "expected a longitude from -360 to 360, got NaN"],
  "a polygon of nothing": [{ type: "Polygon", coordinates: [] }, "expected a polygon with a ring"],
  "nested collections": [
    { type: "GeometryCollection", geometries: [{ type: "GeometryCollection", geometries: [] }] },
    "expected no collection within a collection",
  ],
};

describe("shapesOfWkt() and shapesOfGeoJson()", () => {
  for (const [name, [wkt, geojson, want]] of Object.entries(same)) {
    test(`read ${name}`, () => {
      expect(shapesOfWkt(wkt)).toEqual([...want]);
      expect(shapesOfGeoJson(geojson)).toEqual([...want]);
    });
  }
  for (const [wkt, message] of Object.entries(badWkt)) {
    test(`refuse '${wkt}'`, () => expect(() => shapesOfWkt(wkt)).toThrow(message));
  }
  for (const [name, [geometry, message]] of Object.entries(badGeoJson)) {
    test(`refuse ${name}`, () => expect(() => shapesOfGeoJson(geometry)).toThrow(message));
  }

  test("throw nothing but a GeometryError", () => {
    const words = fc.array(
      fc.constantFrom("POINT", "POLYGON", "MULTIPOINT", "(", ")", ",", "1", "-2.5", " ", "Z", "x", "EMPTY"),
      { maxLength: 14 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          words.map((parts) => parts.join(" ")),
        ),
        fc.jsonValue(),
        (text, json) => {
          for (const read of [() => shapesOfWkt(text), () => shapesOfGeoJson(json)]) {
            try {
              read();
            } catch (error) {
              expect(error).toBeInstanceOf(GeometryError);
            }
          }
        },
      ),
      { numRuns: 1000 },
    );
  });
});
