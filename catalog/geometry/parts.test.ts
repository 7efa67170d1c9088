import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { connect, type Db } from "#store/db.ts";
import { type TestDatabase, testDatabase } from "#test/support/database.ts";
import { partsOf, polygonText } from "./parts.ts";
import { shapesOfWkt } from "./wkt.ts";

let database: TestDatabase;
let db: Db;
beforeAll(async () => {
  database = await testDatabase("parts");
  db = connect(database.url, { schema: "public", max: 1 });
});
afterAll(async () => {
  await db?.end();
  await database?.drop();
});

/** A shape, points within it and points outside. */
const shapes: Record<string, { wkt: string; inside: [number, number][]; outside: [number, number][]; parts: number }> =
  {
    "a square": {
      wkt: "POLYGON((0 0,2 0,2 2,0 2,0 0))",
      inside: [
        [1, 1],
        [0, 0],
        [2, 1],
      ],
      outside: [
        [3, 1],
        [1, -0.1],
      ],
      parts: 1,
    },
    "a bay": {
      wkt: "POLYGON((0 0,10 0,10 10,9 10,9 1,1 1,1 10,0 10,0 0))",
      inside: [
        [0.5, 5],
        [9.5, 9],
      ],
      outside: [[5, 5]],
      parts: 1,
    },
    "a point": { wkt: "POINT(5 5)", inside: [[5, 5]], outside: [[5, 5.1]], parts: 1 },
    "a point beyond 180°": { wkt: "POINT(190 5)", inside: [[-170, 5]], outside: [[170, 5]], parts: 1 },
    "a line": {
      wkt: "LINESTRING(0 0, 4 4, 8 0)",
      inside: [
        [2, 2],
        [6, 2],
      ],
      outside: [
        [4, 0],
        [4, 3],
      ],
      parts: 1,
    },
    "a line over the antimeridian": {
      wkt: "LINESTRING(178 0, -178 4)",
      inside: [
        [179, 1],
        [-179, 3],
      ],
      outside: [
        [0, 2],
        [179, 3],
      ],
      parts: 2,
    },
    "a scene over the antimeridian": {
      wkt: "POLYGON((179 0,-179 0,-179 2,179 2,179 0))",
      inside: [
        [179.5, 1],
        [-179.5, 1],
      ],
      outside: [
        [0, 1],
        [178, 1],
        [-178, 1],
      ],
      parts: 2,
    },
    "the same beyond 180°": {
      wkt: "POLYGON((179 0,181 0,181 2,179 2,179 0))",
      inside: [
        [179.5, 1],
        [-179.5, 1],
      ],
      outside: [[0, 1]],
      parts: 2,
    },
    "the same below -180°": {
      wkt: "POLYGON((-181 0,-179 0,-179 2,-181 2,-181 0))",
      inside: [
        [179.5, 1],
        [-179.5, 1],
      ],
      outside: [[0, 1]],
      parts: 2,
    },
    "the whole world": {
      wkt: "POLYGON((-180 -90,180 -90,180 90,-180 90,-180 -90))",
      inside: [
        [0, 0],
        [179, -80],
        [-179, 80],
      ],
      outside: [],
      parts: 1,
    },
    "a grid of the world": {
      wkt: "POLYGON((-179.5 -89,179.5 -89,179.5 89,-179.5 89,-179.5 -89))",
      inside: [
        [0, 0],
        [90, 80],
      ],
      outside: [[179.9, 0]],
      parts: 1,
    },
    "a cap round the north pole": {
      wkt: "POLYGON((0 80,90 80,180 80,-90 80,0 80))",
      inside: [
        [0, 85],
        [179, 89],
        [-135, 82],
      ],
      outside: [
        [0, 79],
        [45, 0],
        [0, -85],
      ],
      parts: 2,
    },
    "a cap round the south pole": {
      wkt: "POLYGON((0 -80,-120 -80,120 -80,0 -80))",
      inside: [
        [0, -85],
        [180, -89],
      ],
      outside: [
        [0, -79],
        [0, 85],
      ],
      parts: 2,
    },
    "more than half of the world, written so": {
      wkt: "POLYGON((-100 -10,0 -10,100 -10,100 10,0 10,-100 10,-100 -10))",
      inside: [
        [0, 0],
        [99, 9],
      ],
      outside: [[150, 0]],
      parts: 1,
    },
  };

describe("partsOf()", () => {
  for (const [name, { wkt, inside, outside, parts }] of Object.entries(shapes)) {
    test(`covers ${name} and nothing else`, async () => {
      const found = partsOf(shapesOfWkt(wkt));
      expect(found).toHaveLength(parts);
      expect([name, await hits(wkt, inside)]).toEqual([name, inside.map(() => true)]);
      expect([name, await hits(wkt, outside)]).toEqual([name, outside.map(() => false)]);
    });
  }

  test("cuts holes at the antimeridian with their polygon", () => {
    const found = partsOf(
      shapesOfWkt("POLYGON((170 0,-170 0,-170 20,170 20,170 0),(179 5,-179 5,-179 9,179 9,179 5))"),
    );
    expect(found.map((part) => part.holes.map(longitudes))).toEqual([[[179, 180]], [[-180, -179]]]);
  });
});

function longitudes(ring: readonly (readonly [number, number])[]): number[] {
  return [...new Set(ring.map(([longitude]) => longitude))].sort((a, b) => a - b);
}

async function hits(wkt: string, points: readonly [number, number][]): Promise<boolean[]> {
  const areas = partsOf(shapesOfWkt(wkt)).map((part) => polygonText(part.area));
  return Promise.all(
    points.map(async ([longitude, latitude]) => {
      const [row] = await db<{ hit: boolean }[]>`
        SELECT bool_or(area && ${polygonText([[longitude, latitude]])}::text::polygon) AS hit FROM unnest(${areas}::text[]::polygon[]) AS t(area)`;
      return row?.hit ?? false;
    }),
  );
}
