/** The contract's basket operations B1 to B8 (rs-order.md §1.4), one test each, against the served program. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { basketOf } from "#test/support/basket-calls.ts";
import { testProcess } from "#test/support/process.ts";
import { type ServedWorld, servedWorld } from "#test/support/served-world.ts";

let world: ServedWorld;
beforeAll(async () => {
  world = await servedWorld("contract_baskets");
}, 60_000);
afterAll(() => world.close());
beforeEach(async () => {
  await world.call("DELETE /order/basket");
});

const SELECTION = { engineType: "legacy", searchParameters: { q: ['providerId:("A1" "A2")'] } };

const add = (body: object = SELECTION) => world.call("POST /order/basket/selection", { body });

async function filled(): Promise<number> {
  const [{ id } = { id: 0 }] = (await basketOf(await add())).datasetSelections;
  return id;
}

test("B1 GET /order/basket: 204 without a basket, 200 with the caller's own", async () => {
  expect((await world.call("GET /order/basket")).status).toBe(204);
  await add();
  expect(await basketOf(await world.call("GET /order/basket"))).toMatchObject({ owner: "ada@example.org", quota: 2 });
  expect((await world.call("GET /order/basket", { as: "bob" })).status).toBe(204);
});

test("B2 DELETE /order/basket: 204, and it is gone", async () => {
  await add();
  expect((await world.call("DELETE /order/basket")).status).toBe(204);
  expect((await world.call("GET /order/basket")).status).toBe(204);
});

test("B3 POST /order/basket/selection: totals without counting twice, 204 for nothing, 422 without an engine", async () => {
  await add();
  const basket = await basketOf(await add({ ...SELECTION, searchParameters: { q: ['providerId:("A2" "A3")'] } }));
  expect(basket.datasetSelections).toMatchObject([{ datasetLabel: "images", objectsCount: 3, filesCount: 3 }]);
  expect((await add({ ...SELECTION, searchParameters: { q: ['providerId:"none"'] } })).status).toBe(204);
  expect((await add({ searchParameters: {} })).status).toBe(422);
});

test("B4 POST /order/basket/selection/upload: the file's products are put in, 413 beyond the limit", async () => {
  const upload = (text: string) => {
    const body = new FormData();
    body.append("file", new Blob([text]), "ids.txt");
    return world.call("POST /order/basket/selection/upload", { body });
  };
  expect(await basketOf(await upload("A1\n\n unknown \nA3\n"))).toMatchObject({ quota: 2 });
  expect((await upload("unknown\n")).status).toBe(204);
  expect((await upload("x\n".repeat(1001))).status).toBe(413);
});

test("B5 DELETE /order/basket/dataset/{id}: the dataset is taken out", async () => {
  const id = await filled();
  expect(await basketOf(await world.call(`DELETE /order/basket/dataset/${id}`))).toMatchObject({
    quota: 0,
    datasetSelections: [],
  });
});

test("B6 DELETE /order/basket/dataset/{id}/{date}: that selection is taken out", async () => {
  await add();
  const basket = await basketOf(await add({ ...SELECTION, searchParameters: { q: ['providerId:"A3"'] } }));
  const [dataset] = basket.datasetSelections;
  const date = encodeURIComponent(dataset?.itemsSelections[0]?.date ?? "");
  const left = await basketOf(await world.call(`DELETE /order/basket/dataset/${dataset?.id}/${date}`));
  expect(left.datasetSelections).toMatchObject([{ objectsCount: 1, itemsSelections: [{ quota: 1 }] }]);
});

test("B7 PUT …/updateProcessing: set and unset, 400 beside file filters", async () => {
  const id = await filled();
  const route = `PUT /order/basket/dataset/${id}/updateProcessing`;
  const unknown = await world.call(route, { body: { processBusinessId: crypto.randomUUID(), parameters: {} } });
  expect(unknown.status).toBe(404);
  await world.administer(testProcess("cut", { parameters: { properties: { width: { type: "integer" } } } }));
  const processDatasetDescription = { processBusinessId: "cut", parameters: { width: "5" } };
  const set = await basketOf(await world.call(route, { body: processDatasetDescription }));
  expect(set.datasetSelections).toMatchObject([{ processDatasetDescription }]);
  const wrong = await world.call(route, { body: { ...processDatasetDescription, parameters: { width: "wide" } } });
  expect([wrong.status, await wrong.json()]).toEqual([
    422,
    { messages: ["parameters.width: expected a whole number"] },
  ]);
  const [unset] = (await basketOf(await world.call(route))).datasetSelections;
  expect(unset?.processDatasetDescription).toBeUndefined();
  await basketOf(
    await world.call(`PUT /order/basket/dataset/${id}/updateFileFilters`, { body: { fileTypes: ["RAWDATA"] } }),
  );
  const both = await world.call(route, { body: { processBusinessId: crypto.randomUUID(), parameters: {} } });
  expect(both.status).toBe(400);
  expect(await both.json()).toEqual({
    messages: ["Impossible to have file filters and processing on the same dataset"],
  });
  expect((await world.call(route)).status).toBe(200);
});

test("B8 PUT …/updateFileFilters: set and unset, 400 for a pattern that is none", async () => {
  const id = await filled();
  const route = `PUT /order/basket/dataset/${id}/updateFileFilters`;
  const fileSelectionDescription = { fileTypes: ["RAWDATA"], fileNamePattern: ".*1\\.tif" };
  const set = await basketOf(await world.call(route, { body: fileSelectionDescription }));
  expect(set.datasetSelections).toMatchObject([{ fileSelectionDescription }]);
  expect((await world.call(route, { body: { fileNamePattern: "test**" } })).status).toBe(400);
  const [unset] = (await basketOf(await world.call(route))).datasetSelections;
  expect(unset?.fileSelectionDescription).toBeUndefined();
});
