import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { upsertUser } from "#store/users.ts";
import { ADA, ADMIN, type ApiWorld, apiWorld, BOB } from "#test/support/api-world.ts";
import { type AnsweredBasket, basketOf, counts, told } from "#test/support/basket-calls.ts";
import { addBasketProducts, datasetOf } from "#test/support/basket-products.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_baskets");
  await addBasketProducts(
    world.db,
    [
      ...datasetOf("DS1", { products: 8, bytes: 3_003_000 }),
      ...datasetOf("DS2", { products: 8, bytes: 2_020_202 }),
      ...datasetOf("DS3", { products: 4, bytes: 1_010_101 }),
      { name: "mixed-raw", dataset: "Mixed", bytes: 100, quicklookBytes: 10, properties: { kind: ["raw"] } },
      { name: "mixed-ref", dataset: "Mixed", bytes: 200, reference: true, properties: { kind: ["reference"] } },
      { name: "hidden-1", dataset: "Hidden", isPublic: false },
      { name: "greenland", dataset: "Areas", area: "((-41,72),(-39,72),(-39,73),(-41,73))" },
      { name: "fiji", dataset: "Areas", area: "((179,-18),(180,-18),(180,-17),(179,-17))" },
    ],
    world.clock.now,
  );
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.db`DELETE FROM baskets`;
});

const search = (searchParameters: object | null, more: object = {}) => ({
  engineType: "legacy",
  searchParameters,
  ...more,
});
const q = (...queries: string[]) => search({ q: queries });
const add = (body: unknown, as = ADA) => world.call("POST /order/basket/selection", { body, as });

async function added(body: unknown): Promise<AnsweredBasket> {
  return basketOf(await add(body));
}

describe("B1 and B2", () => {
  test("testGetEmptyBasket: 204 without a body", async () => {
    const response = await world.call("GET /order/basket");
    expect([response.status, await response.text()]).toEqual([204, ""]);
  });

  test("testGetBasket: the basket with its totals and its quota", async () => {
    await add(q("providerId:mixed*"));
    const basket = await basketOf(await world.call("GET /order/basket"));
    expect(basket).toMatchObject({
      owner: ADA,
      quota: 1,
      datasetSelections: [
        {
          datasetIpid: "URN:DATASET:Mixed",
          datasetLabel: "Mixed",
          objectsCount: 2,
          filesCount: 3,
          filesSize: 310,
          quota: 1,
          fileTypesSummaryMap: {
            RAWDATA: { filesCount: 2, filesSize: 300 },
            RAWDATA_ref: { filesCount: 1, filesSize: 200 },
            "RAWDATA_!ref": { filesCount: 1, filesSize: 100 },
            QUICKLOOK_SD: { filesCount: 1, filesSize: 10 },
            "QUICKLOOK_SD_!ref": { filesCount: 1, filesSize: 10 },
          },
          itemsSelections: [
            {
              date: "2026-11-20T10:20:30.000Z",
              selectionRequest: {
                engineType: "legacy",
                datasetUrn: "URN:DATASET:Mixed",
                searchParameters: { q: ["providerId:mixed*"] },
                selectionDate: "2026-11-20T10:20:30.000Z",
              },
              objectsCount: 2,
              quota: 1,
            },
          ],
        },
      ],
    });
    expect(basket.datasetSelections[0]).not.toHaveProperty("processDatasetDescription");
  });

  test("testEmptyBasket: 204, and there is none any more, of the caller only", async () => {
    await add(q("*"));
    await add(q("*"), BOB);
    expect((await world.call("DELETE /order/basket")).status).toBe(204);
    expect((await world.call("GET /order/basket")).status).toBe(204);
    expect((await world.call("GET /order/basket", { as: BOB })).status).toBe(200);
    expect((await world.call("DELETE /order/basket")).status).toBe(204);
  });
});

describe("B3", () => {
  test("BasketServiceIT: counts 8, 8 and 4 products with their sizes", async () => {
    const basket = await added(q("providerId:DS*"));
    expect(counts(basket)).toEqual([
      ["DS1", 8, 3_003_000],
      ["DS2", 8, 2_020_202],
      ["DS3", 4, 1_010_101],
    ]);
    expect(basket.quota).toBe(20);
  });

  test("counts what several selections have in common once", async () => {
    await add(q("providerId:DS3-0 OR providerId:DS3-1"));
    const basket = await added(q("providerId:DS3-1 OR providerId:DS3-2"));
    const [dataset] = basket.datasetSelections;
    expect([dataset?.objectsCount, dataset?.quota, basket.quota]).toEqual([3, 3, 3]);
    expect(dataset?.itemsSelections.map((item) => item.objectsCount)).toEqual([2, 2]);
    expect(dataset?.itemsSelections.map((item) => item.date)).toEqual([
      "2026-11-20T10:20:30.000Z",
      "2026-11-20T10:20:30.001Z",
    ]);
  });

  test("testAddOnlyOpensearchSelection, testAddFullOpensearchSelection, testAddEmptyOpensearchSelection, testAddNullOpensearchSelection: 204 when the catalogue finds nothing", async () => {
    const nothing = [
      q("providerId:nothing"),
      search({ q: ["providerId:nothing"] }, { entityIdsToExclude: ["x"] }),
      search({ q: [""] }, { datasetUrn: "URN:nothing" }),
      search(null, { datasetUrn: "URN:nothing" }),
      search({ q: null }, { datasetUrn: "URN:nothing" }),
    ];
    for (const body of nothing) {
      const response = await add(body);
      expect([response.status, await response.text()]).toEqual([204, ""]);
    }
    expect((await world.call("GET /order/basket")).status).toBe(204);
  });

  test("without parameters is everything that the caller may see", async () => {
    const labels = (await added(search({ q: [""] }))).datasetSelections.map((one) => one.datasetLabel);
    expect(labels).toEqual(["Areas", "DS1", "DS2", "DS3", "Mixed"]);
    const all = await basketOf(await add(search(null), ADMIN));
    expect(all.datasetSelections.map((one) => one.datasetLabel)).toContain("Hidden");
  });

  test("P10: two datasets of one label are two selections", async () => {
    await world.product({ name: "twin-1", dataset: "twin-a" });
    await world.product({ name: "twin-2", dataset: "twin-b" });
    await world.db`UPDATE datasets SET label = 'twin' WHERE urn LIKE 'URN:DATASET:twin-%'`;
    const { datasetSelections } = await added(q("providerId:twin*"));
    expect(datasetSelections.map((one) => [one.datasetIpid, one.datasetLabel, one.objectsCount])).toEqual([
      ["URN:DATASET:twin-a", "twin", 1],
      ["URN:DATASET:twin-b", "twin", 1],
    ]);
  });

  const found: Record<string, readonly [parameters: object, more: object, want: unknown[]]> = {
    "a dataset": [{}, { datasetUrn: "URN:DATASET:DS3" }, [["DS3", 4]]],
    "ids to include": [
      {},
      { entityIdsToInclude: ["URN:DATA:DS1-0:V1", "DS2-0"] },
      [
        ["DS1", 1],
        ["DS2", 1],
      ],
    ],
    "no ids to include": [{ q: ["providerId:DS3*"] }, { entityIdsToInclude: [] }, [["DS3", 4]]],
    "ids to exclude": [{ q: ["providerId:DS3*"] }, { entityIdsToExclude: ["DS3-0"] }, [["DS3", 3]]],
    "several queries, which must all hold": [
      { q: ["providerId:DS3* OR providerId:DS2*", "providerId:*0"] },
      {},
      [
        ["DS2", 1],
        ["DS3", 1],
      ],
    ],
    "an attribute that exists": [{ exists: ["kind"] }, {}, [["Mixed", 2]]],
    "a query and an attribute": [{ q: ["kind:raw"], exists: ["kind"] }, {}, [["Mixed", 1]]],
    WKT: [{ g: ["POLYGON((-50 70, -30 70, -30 75, -50 75, -50 70))"] }, {}, [["Areas", 1]]],
    GeoJSON: [{ g: ['{"type":"Point","coordinates":[-40,72.5]}'] }, {}, [["Areas", 1]]],
    "a box": [{ bbox: ["-50,70,-30,75"] }, {}, [["Areas", 1]]],
    "a box over the antimeridian": [{ bbox: ["170,-20,-170,-10"] }, {}, [["Areas", 1]]],
    "a box of the world": [{ bbox: ["-180,-90,180,90"] }, {}, [["Areas", 2]]],
    "a circle": [{ lat: ["72.5"], lon: ["-45"], r: ["150000"] }, {}, [["Areas", 1]]],
    "a circle over the antimeridian": [{ lat: ["-17.5"], lon: ["-179.5"], r: ["60000"] }, {}, [["Areas", 1]]],
    "paging, which is ignored": [
      { q: ["providerId:DS3*"], page: ["3"], size: ["1"], sort: ["x,ASC"] },
      {},
      [["DS3", 4]],
    ],
  };
  for (const [name, [parameters, more, want]] of Object.entries(found)) {
    test(`selects by ${name}`, async () => {
      const { datasetSelections } = await added(search(parameters, more));
      expect(datasetSelections.map((one) => [one.datasetLabel, one.objectsCount])).toEqual(want as [string, number][]);
    });
  }

  test("a circle leaves out what is too far", async () => {
    expect((await add(search({ lat: ["72.5"], lon: ["-45"], r: ["100000"] }))).status).toBe(204);
  });

  test("testAddBadSelection: 422 with the contract's words where the engine is missing", async () => {
    for (const body of [{ searchParameters: { q: ["*"] } }, { engineType: "" }, { engineType: null }]) {
      expect(await told(await add(body))).toEqual([422, ["Engine type may not be empty"]]);
    }
    expect((await add([])).status).toBe(422);
  });

  const CATALOGUE =
    "Error applying search queries. Please correct your requests. Maybe your queries contains unknown attributes";
  const refused: Record<string, readonly [body: object, status: number, message: string]> = {
    "testInvalidQuerySelection: an unknown attribute": [q("unknownAttribute:5"), 422, CATALOGUE],
    "a query that cannot be read": [q("a AND"), 422, CATALOGUE],
    "queries that would only fit together": [q("kind:raw) OR (kind:raw"), 422, CATALOGUE],
    "a geometry that cannot be read": [search({ g: ["POLYGON((0 0))"] }), 422, CATALOGUE],
    "too many ids": [
      search({}, { entityIdsToInclude: Array(1001).fill("x") }),
      422,
      "entityIdsToInclude: expected at most 1000 elements",
    ],
    "another engine": [{ engineType: "opensearch" }, 417, "Cannot search with engine 'opensearch': expected 'legacy'"],
    "half a circle": [
      search({ lat: ["1"], lon: ["2"] }),
      417,
      "Cannot select by a circle: expected 'lat', 'lon' and 'r' together",
    ],
    "two areas": [
      search({ g: ["POINT(1 1)"], bbox: ["1,1,2,2"] }),
      417,
      "Cannot select by several areas: expected one of g, bbox, or lat with lon and r",
    ],
    "a box with no sides": [
      search({ bbox: ["1,2,3"] }),
      417,
      "Cannot read the area: expected 'west,south,east,north' in degrees, got '1,2,3'",
    ],
    "a parameter that would be lost": [
      search({ q: ["*"], hasImage: ["true"] }),
      417,
      "Cannot select by 'hasImage': expected one of q, g, bbox, lat, lon, r, exists",
    ],
    "an attribute that is a query": [
      search({ exists: ["a OR b"] }),
      417,
      "Cannot select by 'exists': expected the name of an attribute, got 'a OR b'",
    ],
  };
  for (const [name, [body, status, message]] of Object.entries(refused)) {
    test(`refuses ${name} with ${status}`, async () => {
      const [gotten, messages] = await told(await add(body));
      expect([gotten, messages[0] ?? ""]).toEqual([status, message]);
      expect((await world.call("GET /order/basket")).status).toBe(204);
    });
  }

  test("the date is the server's: what comes later is not selected", async () => {
    await add(search({}, { datasetUrn: "URN:DATASET:DS3", selectionDate: "2000-01-01T00:00:00Z" }));
    const { now } = world.clock;
    world.clock.now = new Date(now.getTime() + 3 * 86_400_000);
    await addBasketProducts(world.db, [{ name: "late", dataset: "DS3" }], world.clock.now);
    const basket = await added(q("providerId:DS3-0"));
    await world.db`DELETE FROM products WHERE provider_id = 'late'`;
    world.clock.now = now;
    expect(counts(basket)).toEqual([["DS3", 4, 1_010_101]]);
  });

  test("a basket holds no more than an order can", async () => {
    const ids = Array.from({ length: 900 }, (_, i) => `${i}`.padStart(255, "x"));
    const large = search({ q: ["providerId:DS3*"] }, { entityIdsToExclude: ids });
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push((await add(large)).status);
    expect(statuses).toEqual([200, 200, 200, 200, 422, 422]);
  });

  test("20 selections of one user at once are all there, counted once", async () => {
    const names = Array.from({ length: 20 }, (_, i) =>
      i < 8 ? `DS1-${i}` : i < 16 ? `DS2-${i - 8}` : `DS3-${i - 16}`,
    );
    const responses = await Promise.all(names.map((name) => add(q(`providerId:"${name}"`))));
    expect(responses.map(({ status }) => status)).toEqual(Array(20).fill(200));
    const basket = await basketOf(await world.call("GET /order/basket"));
    expect(counts(basket)).toEqual([
      ["DS1", 8, 3_003_000],
      ["DS2", 8, 2_020_202],
      ["DS3", 4, 1_010_101],
    ]);
    expect(basket.datasetSelections.map((one) => one.itemsSelections.length)).toEqual([8, 8, 4]);
  });

  test("a product of two datasets counts in each that is asked for", async () => {
    await world.db`UPDATE products SET dataset_ids = dataset_ids || (SELECT id FROM datasets WHERE label = 'DS3') WHERE provider_id = 'DS1-0'`;
    const basket = await added(search({}, { datasetUrn: "URN:DATASET:DS3" }));
    await world.db`UPDATE products SET dataset_ids = dataset_ids[1:1] WHERE provider_id = 'DS1-0'`;
    expect(basket.datasetSelections.map((one) => [one.datasetLabel, one.objectsCount])).toEqual([["DS3", 5]]);
  });
});

test("the public user has no basket", async () => {
  await upsertUser(world.db, { email: "public@example.org", role: "PUBLIC", groups: [], active: true });
  const token = await world.token("public@example.org", "PUBLIC");
  const response = await world.call("GET /order/basket", { as: null, headers: { authorization: `Bearer ${token}` } });
  expect(response.status).toBe(403);
});
