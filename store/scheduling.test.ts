import { afterAll, beforeEach, expect, test } from "bun:test";
import { NOW, newFile, newSubOrder, orderSpec, storedOrder, testStore } from "#test/support/store.ts";
import { touchBlobs } from "./blob-rows.ts";
import { appendSubOrders, markDownloaded, observeOrder, reportFiles } from "./files.ts";
import { schedulingView, startSubOrders } from "./scheduling.ts";

const { db, drop } = await testStore("scheduling");
afterAll(() => drop());
beforeEach(async () => {
  await db`TRUNCATE orders, sub_orders, order_files CASCADE`;
});

const LATER = new Date("2026-03-01T12:00:00Z");

/** An order with a sub-order of each of these sizes. */
async function orderOf(owner: string, sizes: readonly number[], reference = false) {
  const row = await storedOrder(db, { spec: orderSpec({ owner }), role: "EXPLOIT" });
  const subOrders = sizes.map((size, i) =>
    newSubOrder(i + 1, 0, { reference, files: [newFile(i, { size, reference })] }),
  );
  await appendSubOrders(db, row.id, {
    expectCursor: undefined,
    cursor: 1,
    subOrders,
    products: 1,
    done: false,
    now: NOW,
  });
  return row.id;
}

test("schedulingView() gives the smallest few of each owner, whichever of their orders they are of", async () => {
  const a1 = await orderOf("a", [300, 100, 500]);
  const a2 = await orderOf("a", [200, 400]);
  const b = await orderOf("b", [900]);
  await orderOf("c", [1], true);
  const { waiting } = await schedulingView(db, NOW, { perOwner: 3 });
  expect(waiting.map((w) => [w.owner, w.orderId, w.number, w.bytes])).toEqual([
    ["a", a1, 2, 100],
    ["a", a2, 1, 200],
    ["a", a1, 1, 300],
    ["b", b, 1, 900],
  ]);
  expect(waiting[0]).toEqual({
    owner: "a",
    orderId: a1,
    number: 2,
    bytes: 100,
    files: 1,
    role: "EXPLOIT",
    createdAt: NOW,
    delivered: false,
  });
});

test("schedulingView() says which orders are delivered, and does not hold what waits to be against its owner", async () => {
  const order = await storedOrder(db, { spec: orderSpec({ owner: "zoe" }), channel: "delivery" });
  await appendSubOrders(db, order.id, {
    expectCursor: undefined,
    subOrders: [newSubOrder(1, 1), newSubOrder(2, 1)],
    products: 1,
    done: true,
    cursor: {},
    now: NOW,
  });
  const { waiting } = await schedulingView(db, NOW, { perOwner: 9 });
  expect(waiting.filter((w) => w.owner === "zoe").map((w) => w.delivered)).toEqual([true, true]);
});

test("schedulingView() leaves out excluded orders and what must wait", async () => {
  const a1 = await orderOf("a", [100]);
  const a2 = await orderOf("a", [200, 300]);
  await db`UPDATE sub_orders SET not_before = ${LATER} WHERE order_id = ${a2} AND number = 1`;
  const seen = async (now: Date, excluded: number[]) =>
    (await schedulingView(db, now, { perOwner: 9, excluded })).waiting.map((w) => w.bytes);
  expect(await seen(NOW, [])).toEqual([100, 300]);
  expect(await seen(LATER, [])).toEqual([100, 200, 300]);
  expect(await seen(LATER, [a1])).toEqual([200, 300]);
  expect(await seen(LATER, [a1, a2])).toEqual([]);
});

test("schedulingView() counts what runs, what nobody has downloaded, and the bytes of blobs", async () => {
  const sha256 = "cd".repeat(32);
  await touchBlobs(db, [{ sha256, size: 5_000_000_000 }], { now: NOW });
  const id = await orderOf("a", [1, 2, 3]);
  await orderOf("r", [1], true);
  await startSubOrders(
    db,
    [1, 2].map((number) => ({ orderId: id, number })),
    { now: NOW },
  );
  const files = await db<{ id: number }[]>`SELECT id FROM order_files WHERE order_id = ${id} AND sub_order = 1`;
  const file = files[0]?.id ?? 0;
  await reportFiles(db, id, 1, [{ id: file, kind: "available", sha256, size: 1, crc32: 1 }], { now: NOW });
  await observeOrder(db, id);
  const view = await schedulingView(db, NOW, { perOwner: 1 });
  expect(view.runningByOwner).toEqual(new Map([["a", 2]]));
  expect(view.undownloadedByOwner).toEqual(new Map([["a", 1]]));
  expect(view.blobBytes).toBe(5_000_000_000);
  await markDownloaded(db, [file], { now: NOW });
  await observeOrder(db, id);
  expect((await schedulingView(db, NOW, { perOwner: 1 })).undownloadedByOwner).toEqual(new Map());
});

test("startSubOrders() starts each sub-order once, also for rivals", async () => {
  const id = await orderOf(
    "a",
    Array.from({ length: 20 }, (_, i) => i),
  );
  const keys = Array.from({ length: 20 }, (_, i) => ({ orderId: id, number: i + 1 }));
  const started = await Promise.all(
    [keys, keys.toReversed(), keys].map((list) => startSubOrders(db, list, { now: NOW })),
  );
  expect(
    started
      .flat()
      .map((key) => key.number)
      .toSorted((a, b) => a - b),
  ).toEqual(keys.map((key) => key.number));
  expect(await startSubOrders(db, keys, { now: NOW })).toEqual([]);
  expect(await startSubOrders(db, [], { now: NOW })).toEqual([]);
});
