import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import type { ProcessSpec } from "#crds/process.ts";
import { type ApiWorld, apiWorld } from "#test/support/api-world.ts";
import { type AnsweredBasket, basketOf, told } from "#test/support/basket-calls.ts";
import { addBasketProducts, datasetOf } from "#test/support/basket-products.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_basket_options");
  const products = datasetOf("DS", { products: 8, bytes: 400_000 }).map((one) => ({ ...one, quicklookBytes: 1 }));
  await addBasketProducts(world.db, [...products, { name: "other", dataset: "Other" }], world.clock.now);
});
afterAll(() => world.close());
beforeEach(async () => {
  await world.db`DELETE FROM baskets`;
});

const AT = "/order/basket/dataset";

const add = (query: string) =>
  world.call("POST /order/basket/selection", { body: { engineType: "legacy", searchParameters: { q: [query] } } });

async function filled(query = "providerId:DS*"): Promise<AnsweredBasket["datasetSelections"][number]> {
  const [dataset] = (await basketOf(await add(query))).datasetSelections;
  if (!dataset) throw new Error("Cannot fill the basket");
  return dataset;
}

describe("B5 and B6", () => {
  test("testRemoveDatasetSelection: the basket is empty, its quota 0", async () => {
    const { id } = await filled();
    const basket = await basketOf(await world.call(`DELETE ${AT}/${id}`));
    expect(basket).toMatchObject({ quota: 0, datasetSelections: [] });
    expect((await world.call("GET /order/basket")).status).toBe(200);
  });

  test("testRemoveDatedItemSelection: the rest is counted anew, the last one takes the dataset along", async () => {
    await filled("providerId:DS-0 OR providerId:DS-1");
    const { id, itemsSelections } = await filled("providerId:DS-1 OR providerId:DS-2 OR providerId:DS-3");
    const remove = async (index: number) =>
      basketOf(await world.call(`DELETE ${AT}/${id}/${encodeURIComponent(itemsSelections[index]?.date ?? "")}`));
    const [rest] = (await remove(1)).datasetSelections;
    expect([rest?.objectsCount, rest?.quota, rest?.itemsSelections.length]).toEqual([2, 2, 1]);
    expect((await remove(1)).datasetSelections).toHaveLength(1);
    expect((await remove(0)).datasetSelections).toEqual([]);
  });

  test("what is not there is as good as removed; without a basket 204", async () => {
    expect((await world.call(`DELETE ${AT}/1`)).status).toBe(204);
    expect((await world.call(`DELETE ${AT}/1/2026-01-01T00:00:00Z`)).status).toBe(204);
    const { id } = await filled();
    expect((await basketOf(await world.call(`DELETE ${AT}/${id + 1000}`))).datasetSelections).toHaveLength(1);
    expect(
      (await basketOf(await world.call(`DELETE ${AT}/${id}/2026-01-01T00:00:00Z`))).datasetSelections,
    ).toHaveLength(1);
  });

  test("422 for a number or date that is none", async () => {
    const { id } = await filled();
    expect((await world.call(`DELETE ${AT}/first`)).status).toBe(422);
    expect((await world.call(`DELETE ${AT}/${id}/soon`)).status).toBe(422);
  });
});

describe("B8", () => {
  const put = (id: number, body?: unknown) => world.call(`PUT ${AT}/${id}/updateFileFilters`, { body });

  test("test_updateFileFilters: set and unset", async () => {
    const { id } = await filled();
    const filter = { fileTypes: ["RAWDATA"], fileNamePattern: ".*\\.tif" };
    const [set] = (await basketOf(await put(id, filter))).datasetSelections;
    expect([set?.fileSelectionDescription, set?.filesCount]).toEqual([filter, 16]);
    // Another selection leaves it as it is.
    expect((await filled("providerId:DS-0")).fileSelectionDescription).toEqual(filter);
    for (const nothing of [undefined, {}, { fileTypes: [], fileNamePattern: null }]) {
      await put(id, filter);
      const [unset] = (await basketOf(await put(id, nothing))).datasetSelections;
      expect(unset).not.toHaveProperty("fileSelectionDescription");
    }
  });

  test("test_failUpdateFileFiltersInvalidRegex: 400", async () => {
    const { id } = await filled();
    const [status, messages] = await told(await put(id, { fileNamePattern: "test**" }));
    expect([status, messages[0]]).toEqual([400, expect.stringContaining("'test**'")]);
    expect((await put(id, { fileNamePattern: "(a)\\1" })).status).toBe(400);
    expect((await put(id, { fileNamePattern: "x".repeat(513) })).status).toBe(400);
  });

  test("404 for a dataset that is not there, 204 without a basket, 422 for another kind of file", async () => {
    expect((await put(1, { fileTypes: ["RAWDATA"] })).status).toBe(204);
    const { id } = await filled();
    expect(await told(await put(id + 1000, {}))).toEqual([404, [`Dataset selection ${id + 1000} does not exist`]]);
    expect((await put(id, { fileTypes: ["THUMBNAIL"] })).status).toBe(422);
  });
});

describe("B7", () => {
  const put = (id: number, body?: unknown) => world.call(`PUT ${AT}/${id}/updateProcessing`, { body });
  const both: [number, string[]] = [400, ["Impossible to have file filters and processing on the same dataset"]];

  /** It takes any parameters. */
  const process = (name: string, limits: ProcessSpec["limits"], more: Partial<ProcessSpec> = {}) =>
    world.process(name, { parameters: { additionalProperties: true }, ...(limits && { limits }), ...more });

  const within: Record<string, ProcessSpec["limits"]> = {
    "features-8": { products: 8, forbidSplit: true },
    "files-8": { files: 8, forbidSplit: true },
    "bytes-400000": { bytes: 400_000, forbidSplit: true },
    "no-limit": undefined,
    "zero-is-none": { products: 0, forbidSplit: true },
    "may-be-split": { products: 1 },
  };
  for (const [name, limits] of Object.entries(within)) {
    test(`testAddProcessToDatasetSuccess: ${name}`, async () => {
      await process(name, limits);
      const { id } = await filled();
      const description = { processBusinessId: name, parameters: { scale: "2" } };
      const [dataset] = (await basketOf(await put(id, description))).datasetSelections;
      expect(dataset?.processDatasetDescription).toEqual(description);
    });
  }

  const over: Record<string, readonly [NonNullable<ProcessSpec["limits"]>, string, number]> = {
    FEATURES: [{ products: 5 }, "8", 5],
    FILES: [{ files: 7 }, "8", 7],
    BYTES: [{ bytes: 300_000 }, "400000", 300_000],
  };
  for (const [unit, [limits, amount, limit]] of Object.entries(over)) {
    test(`testAddProcessToDatasetFail: ${unit}`, async () => {
      const name = `over-${unit.toLowerCase()}`;
      await process(name, { ...limits, forbidSplit: true });
      const { id } = await filled();
      expect(await told(await put(id, { processBusinessId: name }))).toEqual([
        409,
        [
          `The number of selected "${unit}" in the basket [${amount}] exceeds the maximum number of "${unit}" allowed [${limit}]. Please, decrease the number of selected items or contact the administrator for more information.`,
        ],
      ]);
      expect((await basketOf(await world.call("GET /order/basket"))).datasetSelections[0]).not.toHaveProperty(
        "processDatasetDescription",
      );
    });
  }

  test("addOversizedSelectionTest: a selection that would be too much for the process is not put in", async () => {
    await process("five", { products: 5, forbidSplit: true });
    const { id } = await filled("providerId:DS-0 OR providerId:DS-1 OR providerId:DS-2 OR providerId:DS-3");
    await put(id, { processBusinessId: "five" });
    // Four of these five are there already: what overlaps counts once.
    expect((await add('providerId:("DS-0" OR "DS-1" OR "DS-2" OR "DS-3" OR "DS-4")')).status).toBe(200);
    expect((await add("providerId:DS-5")).status).toBe(409);
    const [dataset] = (await basketOf(await world.call("GET /order/basket"))).datasetSelections;
    expect([dataset?.objectsCount, dataset?.itemsSelections.length]).toEqual([5, 2]);
  });

  test("counts only files of the kinds that the process takes", async () => {
    await process("both-kinds", { files: 8, forbidSplit: true }, { inputs: ["RAWDATA", "QUICKLOOK_SD"] });
    const { id } = await filled();
    expect((await put(id, { processBusinessId: "both-kinds" })).status).toBe(409);
  });

  test("testAddThenRemoveProcessDescription", async () => {
    await process("removed", undefined);
    const { id } = await filled();
    await put(id, { processBusinessId: "removed" });
    const [dataset] = (await basketOf(await put(id))).datasetSelections;
    expect(dataset).not.toHaveProperty("processDatasetDescription");
  });

  test("finds a process by its UID, as the contract's ids are", async () => {
    const made = await process("by-uid", undefined);
    const { id } = await filled();
    const processBusinessId = made.metadata.uid ?? "";
    const [dataset] = (await basketOf(await put(id, { processBusinessId }))).datasetSelections;
    expect(dataset?.processDatasetDescription).toEqual({ processBusinessId, parameters: {} });
  });

  test("test_failUpdateFileFiltersWithProcess: 400, either way round (test_fileFilterAndProcessing)", async () => {
    await process("exclusive", undefined);
    const { id } = await filled();
    const filter = () => world.call(`PUT ${AT}/${id}/updateFileFilters`, { body: { fileTypes: ["RAWDATA"] } });
    await put(id, { processBusinessId: "exclusive" });
    expect(await told(await filter())).toEqual(both);
    await put(id);
    await filter();
    expect(await told(await put(id, { processBusinessId: "exclusive" }))).toEqual(both);
  });

  test("404 for a process or dataset that is not there, 204 without a basket, 422 for a body that is none", async () => {
    expect((await put(1)).status).toBe(204);
    const { id } = await filled();
    for (const name of ["nothing", "../orders", "11111111-2222-3333-4444-555555555555"]) {
      expect(await told(await put(id, { processBusinessId: name }))).toEqual([
        404,
        [`Process '${name}' does not exist`],
      ]);
    }
    expect((await put(id + 1000)).status).toBe(404);
    expect((await put(id, { parameters: {} })).status).toBe(422);
  });

  test("parameters that would make an order too large are refused", async () => {
    await process("talkative", undefined);
    for (let i = 0; i < 5; i++) await add(`providerId:DS-${i}`);
    const { id } = await filled();
    const parameters = Object.fromEntries(Array.from({ length: 64 }, (_, i) => [`p${i}`, "x".repeat(4000)]));
    const [status, messages] = await told(await put(id, { processBusinessId: "talkative", parameters }));
    expect([status, messages[0]]).toEqual([
      422,
      expect.stringContaining("Cannot change the basket: expected selections of at most"),
    ]);
  });

  test("503 while Kubernetes is away", async () => {
    const { id } = await filled();
    world.switches.kubernetesAway = true;
    const response = await put(id, { processBusinessId: "any" });
    world.switches.kubernetesAway = false;
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "5"]);
  });
});
