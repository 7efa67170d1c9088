import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { parseArea } from "#catalog/geometry/selection-area.ts";
import { AreaError, boxWkt, circleWkt } from "./area.ts";

type Ring = readonly (readonly [number, number])[];

function within([x, y]: readonly [number, number], ring: Ring): boolean {
  let inside = false;
  for (const [i, [x1, y1]] of ring.entries()) {
    const [x2, y2] = ring.at(i - 1) ?? [0, 0];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside;
  }
  return inside;
}

const covers = (wkt: string, at: readonly [number, number]) => parseArea(wkt).some(({ area }) => within(at, area));

describe("boxWkt()", () => {
  test("holds exactly the points of the box, also over the antimeridian", () => {
    const degree = (limit: number) => fc.integer({ min: -limit * 10, max: limit * 10 }).map((tenth) => tenth / 10);
    fc.assert(
      fc.property(
        fc.tuple(degree(180), degree(90), degree(180), degree(90)),
        fc.tuple(degree(179), degree(89)).map(([x, y]) => [x + 0.05, y + 0.05] as const),
        ([west, a, east, b], at) => {
          const [south, north] = [Math.min(a, b), Math.max(a, b)];
          fc.pre(south < north && west !== east);
          const across = west < east ? at[0] > west && at[0] < east : at[0] > west || at[0] < east;
          const want = across && at[1] > south && at[1] < north;
          expect(covers(boxWkt(`${west},${south},${east},${north}`), at)).toBe(want);
        },
      ),
    );
  });

  for (const text of ["", "1,2,3", "1,2,3,4,5", "1,5,2,4", "-181,0,0,1", "0,0,1,91", "a,b,c,d", "1e1,0,20,1"]) {
    test(`refuses '${text}'`, () => expect(() => boxWkt(text)).toThrow(AreaError));
  }
});

describe("circleWkt()", () => {
  const METRES = 6_371_008.8 * (Math.PI / 180);

  test("holds what is within the radius, and not what is clearly beyond, wherever it lies", () => {
    const radians = (degree: number) => (degree * Math.PI) / 180;
    const distance = (a: readonly [number, number], b: readonly [number, number]) =>
      (Math.acos(
        Math.min(
          1,
          Math.sin(radians(a[1])) * Math.sin(radians(b[1])) +
            Math.cos(radians(a[1])) * Math.cos(radians(b[1])) * Math.cos(radians(a[0] - b[0])),
        ),
      ) *
        180) /
      Math.PI;
    fc.assert(
      fc.property(
        fc.double({ min: -180, max: 180, noNaN: true }),
        fc.double({ min: -75, max: 75, noNaN: true }),
        fc.double({ min: 0.5, max: 10, noNaN: true }),
        fc.tuple(fc.double({ min: -12, max: 12, noNaN: true }), fc.double({ min: -12, max: 12, noNaN: true })),
        (lon, lat, radius, [dx, dy]) => {
          const far = lon + dx;
          const at = [
            far > 180 ? far - 360 : far < -180 ? far + 360 : far,
            Math.max(-89, Math.min(89, lat + dy)),
          ] as const;
          const apart = distance([lon, lat], at);
          // On the antimeridian itself this test cannot tell inside from outside.
          fc.pre(Math.abs(at[0]) < 179.9);
          fc.pre(apart < radius * 0.99 || apart > radius * 1.15);
          const wkt = circleWkt({ lat: lat.toFixed(6), lon: lon.toFixed(6), r: (radius * METRES).toFixed(0) });
          expect(covers(wkt, at)).toBe(apart < radius);
        },
      ),
    );
  });

  test("round a pole holds the pole", () => {
    const wkt = circleWkt({ lat: "88", lon: "0", r: "500000" });
    expect([covers(wkt, [0, 89.9]), covers(wkt, [179, 89]), covers(wkt, [90, 80])]).toEqual([true, true, false]);
  });

  test("without a radius is a point", () => {
    expect(circleWkt({ lat: "1.5", lon: "-2", r: "0" })).toBe("POINT(-2 1.5)");
  });

  for (const [lat, lon, r] of [
    ["91", "0", "1"],
    ["0", "181", "1"],
    ["0", "0", "-1"],
    ["0", "0", "far"],
    ["0", "0", "10000001"],
    ["", "", ""],
  ] as const) {
    test(`refuses lat '${lat}', lon '${lon}', r '${r}'`, () =>
      expect(() => circleWkt({ lat, lon, r })).toThrow(AreaError));
  }
});
