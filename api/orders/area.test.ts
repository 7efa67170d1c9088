/** Ordering by area: the four forms mean what they mean in a basket. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type ApiWorld, apiWorld } from "#test/support/api-world.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_area");
  for (const n of [1, 2]) await world.product({ name: `munich-${n}`, properties: { platform: [`p${n}`] } });
  await world.product({ name: "sydney", properties: { platform: ["p1"] } });
  await footprint("munich-1", [11, 48, 12, 49]);
  await footprint("munich-2", [11.5, 48, 12.5, 49]);
  await footprint("sydney", [150, -35, 152, -33]);
});
afterAll(() => world.close());

async function footprint(name: string, [west, south, east, north]: readonly [number, number, number, number]) {
  const area = `((${west},${south}),(${east},${south}),(${east},${north}),(${west},${north}))`;
  await world.db`
    INSERT INTO footprints (product_id, area) SELECT id, ${area}::text::polygon FROM products WHERE provider_id = ${name}`;
}

async function apply(body: object, query = "?dryRun=true") {
  const response = await world.call(`POST /user/orders/apply${query}`, { body });
  const answer = (await response.json()) as Record<string, unknown> & { content: Record<string, unknown> };
  return { status: response.status, answer };
}

const SQUARE = "POLYGON((11 48, 11.2 48, 11.2 48.5, 11 48.5, 11 48))";
const GEOJSON = {
  type: "Polygon",
  coordinates: [
    [
      [11, 48],
      [11.2, 48],
      [11.2, 48.5],
      [11, 48.5],
      [11, 48],
    ],
  ],
};

const AREAS: Record<string, { area: object; products: number }> = {
  WKT: { area: { geometry: SQUARE }, products: 1 },
  GeoJSON: { area: { geometry: GEOJSON }, products: 1 },
  "GeoJSON as text": { area: { geometry: JSON.stringify(GEOJSON) }, products: 1 },
  "a box as text": { area: { bbox: "10,47,13,50" }, products: 2 },
  "a box as numbers": { area: { bbox: [10, 47, 13, 50] }, products: 2 },
  "a box over the antimeridian": { area: { bbox: "140,-40,-170,-30" }, products: 1 },
  "a circle": { area: { circle: { lat: -34, lon: 151, r: 10_000 } }, products: 1 },
};
describe("an area in an order by query", () => {
  for (const [name, { area, products }] of Object.entries(AREAS)) {
    test(`${name} finds what meets it`, async () => {
      const { status, answer } = await apply(area);
      expect([status, answer.content["productsCount"]]).toEqual([200, products]);
    });
  }

  test("restricts every query, and is kept with the order", async () => {
    const body = { queries: ["platform:p1", "platform:p2"], bbox: "10,47,13,50", filters: { dataTypes: ["RAWDATA"] } };
    const { answer } = await apply(body, "");
    const geometry = expect.stringContaining("POLYGON((10 47");
    expect((await world.row(answer["orderId"] as number)).spec.selections).toEqual([
      { query: "platform:p1", geometry, fileTypes: ["RAWDATA"] },
      { query: "platform:p2", geometry, fileTypes: ["RAWDATA"] },
    ]);
    expect((await apply(body)).answer.content["productsCount"]).toBe(2);
  });

  test("leaves the request's own selections alone", async () => {
    const body = { bbox: "10,47,13,50", selections: [{ query: "providerId:sydney" }] };
    expect((await apply(body)).answer.content["productsCount"]).toBe(3);
  });

  const WRONG: Record<string, [object, string]> = {
    "a box of three numbers": [{ bbox: "1,2,3" }, "bbox: expected 'west,south,east,north' in degrees, got '1,2,3'"],
    "a box upside down": [
      { bbox: [0, 50, 10, 40] },
      "bbox: expected 'west,south,east,north' in degrees, got '0,50,10,40'",
    ],
    "a circle off the globe": [
      { circle: { lat: 99, lon: 0, r: 1 } },
      "circle: expected 'lat' from -90 to 90, got '99'",
    ],
    "a circle without a radius": [{ circle: { lat: 9, lon: 0 } }, "circle.r: missing"],
    "two areas": [{ bbox: "0,0,1,1", geometry: SQUARE }, "bbox: expected only one of geometry, bbox, circle"],
    "a geometry that is a number": [{ geometry: 5 }, "geometry: expected WKT or a GeoJSON geometry"],
  };
  for (const [what, [body, message]] of Object.entries(WRONG)) {
    test(`422 for ${what}`, async () => {
      const { status, answer } = await apply({ queries: ["platform:p1"], ...body });
      expect([status, answer["messages"]]).toEqual([422, [message]]);
    });
  }

  test("422 naming the field for WKT that cannot be read", async () => {
    const { status, answer } = await apply({ queries: ["platform:p1"], geometry: "POLYGON((1 2" });
    expect(status).toBe(422);
    expect((answer["messages"] as string[])[0]).toStartWith("geometry: ");
  });
});
