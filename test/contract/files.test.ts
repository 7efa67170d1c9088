/** The contract's file operations F1 to F6 (rs-order.md §1.4, §6), one test each, against the served program. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { contentOf, type ServedWorld, servedWorld } from "#test/support/served-world.ts";

let world: ServedWorld;
/** A1 and A2 are there, B1 failed. */
let ended: number;
/** S1 is awaited. */
let running: number;
beforeAll(async () => {
  world = await servedWorld("contract_files");
  running = await world.running();
  ended = await world.ended(["A1", "A2", "B1"]);
}, 60_000);
afterAll(() => world.close());

type Page = { metadata: object; content: { content: Record<string, unknown> }[] };

async function publicRoute(method: string, order: number, name: string): Promise<string> {
  const token = /orderToken=([^&<\s"]+)/.exec(await world.metalink(order))?.[1];
  return `${method} /orders/public/files/${(await world.fileOf(order, name)).id}?scope=default&orderToken=${token}`;
}

test("F1 GET /orders/{id}/files/available (testFindAvailableFilesByOrder, OrderDataFileAvailableClientIT): the files that are there, wrapped; 403 and 404 with an empty body", async () => {
  const response = await world.call(`GET /orders/${ended}/files/available`);
  const page = (await response.json()) as Page;
  expect([response.status, page.content.map((one) => one.content)]).toEqual([
    200,
    [
      expect.objectContaining({
        id: (await world.fileOf(ended, "A1")).id,
        productId: "A1",
        version: 1,
        downloadUrl: `${world.base()}/orders/files/${(await world.fileOf(ended, "A1")).id}`,
        mimeType: "image/tiff",
        filesize: contentOf("A1").length,
        filename: "A1.tif",
      }),
      expect.objectContaining({ filename: "A2.tif" }),
    ],
  ]);
  const nothing = await world.call(`GET /orders/${running}/files/available`);
  expect([nothing.status, ((await nothing.json()) as Page).content]).toEqual([200, []]);
  for (const [route, as, status] of [
    [`GET /orders/${ended}/files/available`, "bob", 403],
    ["GET /orders/-12/files/available", "ada", 404],
  ] as const) {
    const other = await world.call(route, { as });
    expect([other.status, await other.text()]).toEqual([status, ""]);
  }
});

test("F1 GET /user/orders/{id}/files/available: flat; 200 when over, 204 with nothing, 206 while more will come (D1–D4)", async () => {
  const over = await world.call(`GET /user/orders/${ended}/files/available`);
  const page = (await over.json()) as { content: object[] };
  expect([over.status, page.content]).toMatchObject([
    200,
    [{ productId: "A1", fileSize: contentOf("A1").length }, { productId: "A2" }],
  ]);
  expect((await world.call(`GET /user/orders/${running}/files/available`)).status).toBe(204);
  const both = await world.apply(["A3", "S1"]);
  const status = async () => (await world.call(`GET /user/orders/${both}/files/available`)).status;
  await eventually("some are there", async () => (await status()) === 206, LIMIT.slow);
});

test("F2 GET /orders/{id}/filesTask/{sub-order}/files/available (testFindAvailableFilesBySubOrder): those of one sub-order", async () => {
  const [sub] = await world.db<{ id: number; number: number }[]>`
    SELECT id, number FROM sub_orders WHERE order_id = ${ended} AND dataset_label = 'images'`;
  const response = await world.call(`GET /orders/${ended}/filesTask/${sub?.id}/files/available`);
  expect(response.status).toBe(200);
  expect(((await response.json()) as Page).content).toHaveLength(2);
  expect((await world.call(`GET /orders/${running}/filesTask/${sub?.id}/files/available`)).status).toBe(404);
});

test("F3 GET /orders/{id}/dataset/{dataset}/files: every file of the dataset in its state", async () => {
  const { datasetTasks } = await world.orderAt(ended, "DONE_WITH_WARNING");
  const broken = datasetTasks.find(({ datasetLabel }) => datasetLabel === "broken");
  const response = await world.call(`GET /orders/${ended}/dataset/${broken?.id}/files`);
  expect([response.status, ((await response.json()) as Page).content.map((one) => one.content)]).toMatchObject([
    200,
    [{ filename: "B1.tif", state: "ERROR", productId: "B1", orderId: ended }],
  ]);
});

test("F4 GET /orders/files/{id} (testDownloadFile, test_downloadFileFailed, OrderDataFileClientIT): the bytes, part of them; 202 while awaited, 422 when failed, 403, 404", async () => {
  const there = (await world.fileOf(ended, "A1")).id;
  const whole = await world.call(`GET /orders/files/${there}`);
  expect([whole.status, await whole.text()]).toEqual([200, contentOf("A1").toString()]);
  const part = await world.call(`GET /orders/files/${there}`, { headers: { range: "bytes=5-7" } });
  expect([part.status, await part.text()]).toEqual([206, "the"]);
  expect((await world.call(`GET /orders/files/${(await world.fileOf(running, "S1")).id}`)).status).toBe(202);
  expect((await world.call(`GET /orders/files/${(await world.fileOf(ended, "B1")).id}`)).status).toBe(422);
  expect((await world.call(`GET /orders/files/${there}`, { as: "bob" })).status).toBe(403);
  const none = await world.call("GET /orders/files/987654");
  expect([none.status, await none.json()]).toEqual([404, { messages: ["Data file with id: 987654 doesn't exist."] }]);
});

test("F5 GET /orders/public/files/{id}?orderToken=: the bytes for whoever has the order's token; 202, 422, 401", async () => {
  const open = await world.call(await publicRoute("GET", ended, "A2"), { as: null });
  expect([open.status, await open.text()]).toEqual([200, contentOf("A2").toString()]);
  expect((await world.call(await publicRoute("GET", ended, "B1"), { as: null })).status).toBe(422);
  expect((await world.call(await publicRoute("GET", running, "S1"), { as: null })).status).toBe(202);
  const id = (await world.fileOf(ended, "A2")).id;
  expect((await world.call(`GET /orders/public/files/${id}?scope=default`, { as: null })).status).toBe(401);
});

test("F6 HEAD /orders/public/files/{id}?orderToken=: as F5 without the bytes", async () => {
  const open = await world.call(await publicRoute("HEAD", ended, "A2"), { as: null });
  expect([open.status, open.headers.get("content-length"), await open.text()]).toEqual([
    200,
    String(contentOf("A2").length),
    "",
  ]);
  expect((await world.call(await publicRoute("HEAD", ended, "B1"), { as: null })).status).toBe(422);
  expect((await world.call(await publicRoute("HEAD", running, "S1"), { as: null })).status).toBe(202);
});
