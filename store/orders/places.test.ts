import { afterAll, expect, test } from "bun:test";
import { NOW, newSubOrder, orderSpec, storedOrder, testStore } from "#test/support/store.ts";
import { appendSubOrders } from "../files.ts";
import {
  type BoundOrder,
  boundOrders,
  leavingOrders,
  placeResources,
  servedNamespaces,
  serveNamespace,
  unbindResources,
} from "./places.ts";
import { findOrder } from "./read.ts";
import { purgeFiles, recordProgress } from "./write.ts";

const { db, drop } = await testStore("orders-places");
afterAll(() => drop());

let made = 0;

async function bound(): Promise<BoundOrder> {
  const uid = `uid-${++made}`;
  const spec = orderSpec({ owner: `user-${made}@example.org` });
  const resource = { name: `order-of-${uid}`, uid, namespaceUid: "here" };
  const { id } = await storedOrder(db, { spec, channel: "kubectl", resource });
  return { id, resourceName: resource.name, resourceUid: uid, namespaceUid: "here" };
}

const listed = async (id: number) => (await boundOrders(db, { after: id - 1, limit: 1 })).find((row) => row.id === id);

test("boundOrders() pages through the rows with a resource, until the last of their files is gone", async () => {
  const first = await bound();
  const second = await bound();
  expect(await boundOrders(db, { after: first.id - 1, limit: 1 })).toEqual([first]);
  expect(await boundOrders(db, { after: first.id, limit: 1 })).toEqual([second]);
  await db`UPDATE orders SET purged = true WHERE id = ${first.id}`;
  expect(await listed(first.id)).toEqual(first);
  await purgeFiles(db, first.id);
  expect(await listed(first.id)).toBeUndefined();
});

test("unbindResources() and placeResources() leave a row alone that is bound to another by now", async () => {
  const row = await bound();
  const other = { ...row, resourceUid: "another" };
  await unbindResources(db, [other]);
  await placeResources(db, "there", [other]);
  expect(await listed(row.id)).toEqual(row);
  await placeResources(db, "there", [row]);
  expect(await listed(row.id)).toEqual({ ...row, namespaceUid: "there" });
  await unbindResources(db, [row]);
  const unbound = await findOrder(db, row.id);
  expect([unbound?.resourceUid, unbound?.namespaceUid]).toEqual([undefined, undefined]);
});

test("leavingOrders() finds what is expired or deleted, has no resource, and was not given back to its end", async () => {
  const { id } = await storedOrder(db, { spec: orderSpec({ owner: "leaving@example.org" }) });
  const subOrders = [newSubOrder(1, 3)];
  await appendSubOrders(db, id, { expectCursor: undefined, cursor: 1, subOrders, products: 3, done: true, now: NOW });
  const isLeaving = async () => (await leavingOrders(db)).some((row) => row.id === id);
  expect(await isLeaving()).toBe(false);
  const row = await findOrder(db, id);
  if (row) await recordProgress(db, id, { model: { ...row, status: "DELETED" }, messages: [], now: NOW });
  await db`UPDATE orders SET purged = true WHERE id = ${id}`;
  expect(await isLeaving()).toBe(true);
  await purgeFiles(db, id);
  expect(await isLeaving()).toBe(false);
  expect(await db`SELECT FROM order_files WHERE order_id = ${id}`).toHaveLength(0);
});

test("servedNamespaces() are those heard of since then", async () => {
  await serveNamespace(db, "old", { now: new Date(NOW.getTime() - 60_000) });
  await serveNamespace(db, "new", { now: new Date(NOW.getTime() - 60_000) });
  await serveNamespace(db, "new", { now: NOW });
  expect(await servedNamespaces(db, { since: NOW })).toEqual(new Set(["new"]));
});
