import { afterAll, expect, test } from "bun:test";
import { NOW, newSubOrder, orderSpec, storedOrder, testStore } from "#test/support/store.ts";
import { touchBlobs } from "../blob-rows.ts";
import { findOrder } from "../orders.ts";
import { startSubOrders } from "../scheduling.ts";
import { appendSubOrders } from "./append.ts";
import { observeOrder } from "./observe.ts";
import { findFile } from "./read.ts";
import { markDownloaded, markDownloadFailed, reportFiles } from "./report.ts";
import { cancelPending, retryFailed } from "./retry.ts";
import { againSubOrder, endSubOrder, subOrdersOf } from "./sub-orders.ts";

const { db, drop } = await testStore("sub-orders");
afterAll(() => drop());

const SHA = "ab".repeat(32);
await touchBlobs(db, [{ sha256: SHA, size: 7 }], { now: NOW });
const LATER = new Date("2026-03-01T12:00:00Z");

let users = 0;
/** Sub-orders 1 and 2 of two files each, and 3 of two references. */
async function prepared() {
  const { id } = await storedOrder(db, { spec: orderSpec({ owner: `user-${++users}@example.org` }) });
  const subOrders = [newSubOrder(1, 2), newSubOrder(2, 2), newSubOrder(3, 2, { reference: true })];
  await appendSubOrders(db, id, { expectCursor: undefined, cursor: 1, subOrders, products: 6, done: true, now: NOW });
  const rows = await db<{ id: number }[]>`SELECT id FROM order_files WHERE order_id = ${id} ORDER BY id`;
  return { id, files: rows.map((row) => row.id) };
}

const start = (id: number, number = 1) => startSubOrders(db, [{ orderId: id, number }], { now: NOW });
const available = (id: number) => ({ id, kind: "available", sha256: SHA, size: 7, crc32: 1 }) as const;
const failed = (id: number) => ({ id, kind: "failed", error: "no" }) as const;
async function subOrder(id: number, number = 1) {
  return (await subOrdersOf(db, id, { after: number - 1, limit: 1 }))[0];
}

test("endSubOrder() ends the running attempt once", async () => {
  const { id } = await prepared();
  const end = { attempt: 1, state: "Succeeded", now: LATER } as const;
  expect(await endSubOrder(db, id, 1, end)).toBe(false);
  await start(id);
  expect(await endSubOrder(db, id, 1, { ...end, attempt: 2 })).toBe(false);
  expect(await endSubOrder(db, id, 1, end)).toBe(true);
  expect(await endSubOrder(db, id, 1, { ...end, state: "Failed" })).toBe(false);
  expect(await subOrder(id)).toMatchObject({ state: "Succeeded", startedAt: NOW, endedAt: LATER });
});

test("P2: endSubOrder() fails what is still pending, for a reason, and nothing else", async () => {
  const { id, files } = await prepared();
  const [a = 0, b = 0, ofAnother = 0] = files;
  await start(id);
  await reportFiles(db, id, 1, [available(a)], { now: NOW });
  await endSubOrder(db, id, 1, { attempt: 1, state: "Failed", failPending: "The source was silent", now: LATER });
  expect(await findFile(db, a)).toMatchObject({ state: "AVAILABLE" });
  expect(await findFile(db, b)).toMatchObject({ state: "ERROR", error: "The source was silent" });
  expect(await findFile(db, ofAnother)).toMatchObject({ state: "PENDING" });
  expect(await subOrder(id)).toMatchObject({
    state: "Failed",
    message: "The source was silent",
    files: { failed: 1, available: 1 },
  });
});

test("endSubOrder() of an attempt that reported nothing is counted", async () => {
  const { id } = await prepared();
  await start(id);
  await observeOrder(db, id);
  await endSubOrder(db, id, 1, { attempt: 1, state: "Failed", failPending: "Lost", now: LATER });
  expect(await observeOrder(db, id)).toMatchObject({
    files: { pending: 2, failed: 2 },
    subOrders: { failed: 1, waiting: 1 },
  });
});

test("againSubOrder() queues the next attempt, not before its time", async () => {
  const { id } = await prepared();
  await start(id);
  const again = { attempt: 1, notBefore: LATER, reason: "The source asked for patience", now: NOW };
  expect(await againSubOrder(db, id, 1, again)).toBe(true);
  expect(await againSubOrder(db, id, 1, again)).toBe(false);
  expect(await subOrder(id)).toMatchObject({ state: "Waiting", attempt: 2, notBefore: LATER, message: again.reason });
  expect(await observeOrder(db, id)).toMatchObject({
    nextNotBefore: LATER,
    active: [],
    subOrders: { waiting: 2, running: 0 },
  });
  expect(await start(id)).toEqual([]);
  expect(await startSubOrders(db, [{ orderId: id, number: 1 }], { now: LATER })).toEqual([{ orderId: id, number: 1 }]);
  expect((await observeOrder(db, id)).active).toMatchObject([{ number: 1, attempt: 2, startedAt: LATER }]);
});

test("P14: retryFailed() wants failed files again and leaves good ones alone, in the same sub-orders", async () => {
  const { id, files } = await prepared();
  const [good = 0, bad = 0, good2 = 0, good3 = 0, reference = 0, reference2 = 0] = files;
  for (const number of [1, 2]) await start(id, number);
  await reportFiles(db, id, 1, [available(good), failed(bad)], { now: NOW });
  await reportFiles(db, id, 2, [available(good2), available(good3)], { now: NOW });
  await endSubOrder(db, id, 1, { attempt: 1, state: "Failed", now: NOW });
  await endSubOrder(db, id, 2, { attempt: 1, state: "Succeeded", now: NOW });
  await markDownloaded(db, [good, reference2], { now: NOW });
  await markDownloadFailed(db, reference, "broken");
  expect(await retryFailed(db, id, { retry: 1, now: LATER })).toBe(2);
  const states = await Promise.all(files.map(async (file) => (await findFile(db, file))?.state));
  expect(states).toEqual(["DOWNLOADED", "PENDING", "AVAILABLE", "AVAILABLE", "AVAILABLE", "DOWNLOADED"]);
  expect(await subOrder(id, 1)).toMatchObject({ state: "Waiting", attempt: 2 });
  expect(await subOrder(id, 1)).not.toHaveProperty("endedAt");
  expect(await subOrder(id, 2)).toMatchObject({ state: "Succeeded", attempt: 1 });
  expect(await subOrder(id, 3)).toMatchObject({ state: "Succeeded", attempt: 1 });
  expect(await observeOrder(db, id)).toMatchObject({
    subOrders: { total: 3 },
    files: { total: 6, pending: 1, failed: 0 },
  });
});

test("retryFailed() serves each retry once, also from rivals", async () => {
  const { id, files } = await prepared();
  await start(id);
  await reportFiles(db, id, 1, [failed(files[0] ?? 0), failed(files[1] ?? 0)], { now: NOW });
  await endSubOrder(db, id, 1, { attempt: 1, state: "Failed", now: NOW });
  const counts = await Promise.all([1, 2, 3].map(() => retryFailed(db, id, { retry: 1, now: NOW })));
  expect(counts.toSorted()).toEqual([0, 0, 2]);
  expect(await findOrder(db, id)).toMatchObject({ retriesServed: 1 });
  expect(await retryFailed(db, id, { retry: 1, now: NOW })).toBe(0);
  expect(await subOrder(id)).toMatchObject({ state: "Waiting", attempt: 2 });
});

test("retryFailed() leaves a running attempt running", async () => {
  const { id, files } = await prepared();
  await start(id);
  await reportFiles(db, id, 1, [failed(files[0] ?? 0)], { now: NOW });
  expect(await retryFailed(db, id, { retry: 1, now: NOW })).toBe(1);
  expect(await subOrder(id)).toMatchObject({ state: "Running", attempt: 1, files: { pending: 2 } });
});

test("cancelPending() gives up on what is not there; what is there stays", async () => {
  const { id, files } = await prepared();
  await start(id);
  await reportFiles(db, id, 1, [available(files[0] ?? 0)], { now: NOW });
  for (let i = 0; i < 2; i++) await cancelPending(db, id, { reason: "Cancelled by its owner", now: LATER });
  expect(await observeOrder(db, id)).toMatchObject({ files: { pending: 0, failed: 3, available: 3 } });
  expect(await subOrder(id, 1)).toMatchObject({ state: "Running" });
  expect(await subOrder(id, 2)).toMatchObject({ state: "Failed", endedAt: LATER, message: "Cancelled by its owner" });
  expect(await subOrder(id, 3)).toMatchObject({ state: "Succeeded" });
  expect(await findFile(db, files[1] ?? 0)).toMatchObject({ state: "ERROR", error: "Cancelled by its owner" });
});

test("cancelPending() reaches every sub-order of an order with many", async () => {
  const { id } = await storedOrder(db, { spec: orderSpec({ owner: `user-${++users}@example.org` }) });
  const subOrders = Array.from({ length: 130 }, (_, i) => newSubOrder(i + 1, 1));
  await appendSubOrders(db, id, { expectCursor: undefined, cursor: 1, subOrders, products: 130, done: true, now: NOW });
  await cancelPending(db, id, { reason: "Cancelled", now: NOW });
  expect(await observeOrder(db, id)).toMatchObject({ files: { failed: 130 }, subOrders: { failed: 130, waiting: 0 } });
});

test("subOrdersOf() gives sub-orders by number, in pages, by state", async () => {
  const { id } = await prepared();
  await start(id, 2);
  const numbers = async (o: Parameters<typeof subOrdersOf>[2]) =>
    (await subOrdersOf(db, id, o)).map((row) => row.number);
  expect(await numbers({ limit: 2 })).toEqual([1, 2]);
  expect(await numbers({ after: 2, limit: 2 })).toEqual([3]);
  expect(await numbers({ states: ["Running", "Succeeded"], limit: 9 })).toEqual([2, 3]);
});
