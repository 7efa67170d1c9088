import { afterAll, expect, test } from "bun:test";
import { NOW, newSubOrder, storedOrder, testStore } from "#test/support/store.ts";
import { appendSubOrders, datasetsOf, observeOrder, subOrdersOf } from "../files.ts";
import type { OutboxMessage } from "./message-kinds.ts";
import { findOrder } from "./read.ts";
import type { ReadModel } from "./rows.ts";
import { purgeFiles, recordProgress } from "./write.ts";

const { db, drop } = await testStore("orders-write");
afterAll(() => drop());

const LATER = new Date("2026-03-01T11:00:00Z");
const MODEL: ReadModel = {
  status: "RUNNING",
  percentCompleted: 40,
  files: { total: 5, pending: 2, available: 1, downloaded: 1, failed: 1 },
  bytes: { total: 5_000_000_000, available: 1, failed: 2 },
  subOrders: { total: 10, waiting: 4, running: 3, succeeded: 2, failed: 1 },
  waitingForUser: true,
  suspended: true,
  expirationTime: new Date("2026-03-08T10:00:00Z"),
  completionTime: new Date("2026-03-02T10:00:00Z"),
  message: "It goes on",
};
const DONE: OutboxMessage = { dedupKey: "final:0", kind: "DONE", payload: { nested: { snake_key: [1] } } };

const versionOf = async (id: number) => (await db`SELECT xmin::text AS x FROM orders WHERE id = ${id}`)[0]?.["x"];
const outboxOf = (id: number) =>
  db`SELECT dedup_key, kind, payload, created_at FROM outbox WHERE order_id = ${id} ORDER BY id`;

test("recordProgress() stores the model; the status time moves with the status only", async () => {
  const { id } = await storedOrder(db);
  expect(await recordProgress(db, id, { model: MODEL, messages: [], now: LATER })).toBe(true);
  expect(await findOrder(db, id)).toMatchObject({ ...MODEL, statusTime: LATER });
  const { message, completionTime, ...rest } = MODEL;
  const evenLater = new Date(LATER.getTime() + 1);
  expect(await recordProgress(db, id, { model: { ...rest, percentCompleted: 50 }, messages: [], now: evenLater })).toBe(
    true,
  );
  const row = await findOrder(db, id);
  expect(row).toMatchObject({ percentCompleted: 50, statusTime: LATER });
  expect(row).not.toHaveProperty("message");
  expect(row).not.toHaveProperty("completionTime");
});

test("recordProgress() writes nothing when nothing differs", async () => {
  const { id } = await storedOrder(db);
  const progress = { model: MODEL, messages: [DONE], now: LATER };
  await recordProgress(db, id, progress);
  const version = await versionOf(id);
  expect(await recordProgress(db, id, { ...progress, now: new Date() })).toBe(false);
  expect(await versionOf(id)).toBe(version);
});

test("recordProgress() queues each message once, in order, and keeps what the first said", async () => {
  const { id } = await storedOrder(db);
  const part = (n: number): OutboxMessage => ({ dedupKey: `suborder:${n}:1`, kind: "SUBORDER_DONE", payload: { n } });
  await recordProgress(db, id, { model: MODEL, messages: [DONE, part(2), part(1)], now: LATER });
  const changed: OutboxMessage = { ...DONE, payload: { other: true } };
  expect(await recordProgress(db, id, { model: MODEL, messages: [changed, part(3)], now: LATER })).toBe(true);
  const rows = await outboxOf(id);
  expect(rows.map((row) => row["dedupKey"])).toEqual([
    "granted",
    "final:0",
    "suborder:2:1",
    "suborder:1:1",
    "suborder:3:1",
  ]);
  expect(rows[1]).toEqual({
    dedupKey: "final:0",
    kind: "DONE",
    payload: { nested: { snake_key: [1] } },
    createdAt: LATER,
  });
});

test("recordProgress() from rivals queues each message once", async () => {
  const { id } = await storedOrder(db);
  const progress = { model: MODEL, messages: [DONE], now: LATER };
  await Promise.all(Array.from({ length: 8 }, () => recordProgress(db, id, progress)));
  expect(await outboxOf(id)).toHaveLength(2);
});

const LAST_WORDS = {
  "an expired order is not said to run": { was: "EXPIRED", word: "RUNNING", becomes: "EXPIRED" },
  "a deleted order is not said to be done": { was: "DELETED", word: "DONE", becomes: "DELETED" },
  "a deleted order does not expire": { was: "DELETED", word: "EXPIRED", becomes: "DELETED" },
  "an expired order can be deleted": { was: "EXPIRED", word: "DELETED", becomes: "DELETED" },
} as const;
for (const [name, { was, word, becomes }] of Object.entries(LAST_WORDS)) {
  test(`recordProgress() by whoever is late: ${name}`, async () => {
    const { id } = await storedOrder(db);
    await recordProgress(db, id, { model: { ...MODEL, status: was }, messages: [], now: LATER });
    const messages: OutboxMessage[] = [{ ...DONE, dedupKey: "late" }];
    const written = await recordProgress(db, id, { model: { ...MODEL, status: word }, messages, now: LATER });
    expect(written).toBe(becomes === word);
    expect((await findOrder(db, id))?.status).toBe(becomes);
    const told = (await outboxOf(id)).map((message) => message["dedupKey"]);
    expect(told.includes("late")).toBe(becomes === word);
  });
}

test("recordProgress() of an order that is not there writes nothing", async () => {
  expect(await recordProgress(db, 999_999, { model: MODEL, messages: [DONE], now: LATER })).toBe(false);
  expect(await outboxOf(999_999)).toHaveLength(0);
});

test("recordProgress() takes told sub-orders off the list of the untold, per attempt", async () => {
  const { id } = await storedOrder(db);
  const subOrders = [1, 2, 3].map((number) => newSubOrder(number, 1, { reference: true }));
  await appendSubOrders(db, id, { expectCursor: undefined, cursor: 1, subOrders, products: 3, done: true, now: NOW });
  const untold = async () => (await observeOrder(db, id)).untold.map((subOrder) => subOrder.number);
  expect(await untold()).toEqual([1, 2, 3]);
  const told = [
    { number: 1, attempt: 1 },
    { number: 3, attempt: 1 },
  ];
  await recordProgress(db, id, { model: MODEL, messages: [], told, now: LATER });
  expect(await untold()).toEqual([2]);
  await db`UPDATE sub_orders SET attempt = 2 WHERE order_id = ${id} AND number = 3`;
  expect(await untold()).toEqual([2, 3]);
});

test("P26: purgeFiles() leaves the order and its datasets and none of its files; again is harmless", async () => {
  const { id } = await storedOrder(db);
  const other = await storedOrder(db);
  for (const order of [id, other.id]) {
    const subOrders = [newSubOrder(1, 30), newSubOrder(2, 10, { reference: true })];
    await appendSubOrders(db, order, {
      expectCursor: undefined,
      cursor: 1,
      subOrders,
      products: 40,
      done: true,
      now: NOW,
    });
  }
  await purgeFiles(db, id);
  await purgeFiles(db, id);
  expect(await findOrder(db, id)).toMatchObject({ purged: true, emptied: true, productsFound: 40 });
  expect(await datasetsOf(db, id)).toHaveLength(1);
  expect(await subOrdersOf(db, id, { limit: 10 })).toEqual([]);
  expect((await observeOrder(db, id)).files).toEqual({ total: 0, pending: 0, available: 0, downloaded: 0, failed: 0 });
  expect(await db`SELECT FROM order_files WHERE order_id = ${id}`).toHaveLength(0);
  expect((await observeOrder(db, other.id)).files.total).toBe(40);
  const late = { expectCursor: 1, cursor: 2, subOrders: [newSubOrder(3, 1)], products: 1, done: true, now: NOW };
  expect(await appendSubOrders(db, id, late)).toBe(false);
});
