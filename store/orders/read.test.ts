import { afterAll, expect, test } from "bun:test";
import { NOW, orderSpec, storedOrder, testStore } from "#test/support/store.ts";
import { expiredOrders, findOrderByKey, findOrderByResource, ordersWithoutResource } from "./read.ts";
import type { ReadModel } from "./rows.ts";
import { bindResource, recordProgress } from "./write.ts";

const { db, drop } = await testStore("orders-read");
afterAll(() => drop());

const ada = orderSpec({ owner: "ada@example.org" });
const bob = orderSpec({ owner: "bob@example.org" });

function setModel(id: number, change: Partial<ReadModel>): Promise<boolean> {
  const none = { total: 0, pending: 0, available: 0, downloaded: 0, failed: 0 };
  const model: ReadModel = {
    status: "RUNNING",
    percentCompleted: 0,
    files: none,
    bytes: { total: 0, available: 0, failed: 0 },
    subOrders: { total: 0, waiting: 0, running: 0, succeeded: 0, failed: 0 },
    waitingForUser: false,
    suspended: false,
    ...change,
  };
  return recordProgress(db, id, { model, messages: [], now: NOW });
}

test("findOrderByKey() finds by owner and correlation id together", async () => {
  const row = await storedOrder(db, { spec: ada, correlationId: "find-me" });
  expect(await findOrderByKey(db, ada.owner, "find-me")).toEqual(row);
  expect(await findOrderByKey(db, bob.owner, "find-me")).toBeUndefined();
});

test("findOrderByResource() tells a resource from an earlier one of the same name", async () => {
  const again = (uid: string) => ({ spec: ada, resource: { name: "again", uid, namespaceUid: "here" } });
  const old = await storedOrder(db, again("old"));
  const now = await storedOrder(db, again("now"));
  expect((await findOrderByResource(db, { name: "again", uid: "old" }))?.id).toBe(old.id);
  expect((await findOrderByResource(db, { name: "again", uid: "now" }))?.id).toBe(now.id);
  expect(await findOrderByResource(db, { name: "again", uid: "third" })).toBeUndefined();
  const unbound = await storedOrder(db, { spec: ada });
  expect(await findOrderByResource(db, { name: unbound.resourceName, uid: "any" })).toBeUndefined();
});

test("bindResource() binds once; again with the same uid is fine, with another refused, whoever is first", async () => {
  const { id } = await storedOrder(db, { spec: ada });
  const bind = (uid: string, to = id) => bindResource(db, to, { uid, namespaceUid: "here" });
  const answers = await Promise.all(["a", "b", "c"].map((uid) => bind(uid)));
  expect(answers.filter((bound) => bound)).toHaveLength(1);
  const winner = ["a", "b", "c"][answers.indexOf(true)] ?? "";
  expect(await bind(winner)).toBe(true);
  expect(await bind("other")).toBe(false);
  expect(await bind("a", 999_999)).toBe(false);
});

test("ordersWithoutResource() finds rows that have no resource, once they are old enough, unless they are gone for good", async () => {
  const { id } = await storedOrder(db, { spec: bob, now: new Date("2026-02-01T00:00:00Z") });
  const found = async (before: string) =>
    (await ordersWithoutResource(db, { before: new Date(before) })).some((row) => row.id === id);
  expect(await found("2026-02-01T00:00:00Z")).toBe(false);
  expect(await found("2026-02-01T00:00:01Z")).toBe(true);
  await bindResource(db, id, { uid: "uid", namespaceUid: "here" });
  expect(await found("2026-02-01T00:00:01Z")).toBe(false);
  const gone = await storedOrder(db, { spec: bob, now: new Date("2026-02-01T00:00:00Z") });
  await setModel(gone.id, { status: "EXPIRED" });
  const rows = await ordersWithoutResource(db, { before: new Date("2026-02-01T00:00:01Z") });
  expect(rows.map((row) => row.id)).not.toContain(gone.id);
});

test("P25: expiredOrders() finds every order whose time is over, failed and done ones too, until it is told as expired", async () => {
  const expirationTime = new Date("2026-03-02T00:00:00Z");
  const rows = [];
  for (const status of ["RUNNING", "DONE", "FAILED", "EXPIRED", "DELETED"] as const) {
    const row = await storedOrder(db, { spec: bob });
    await setModel(row.id, { status, expirationTime });
    rows.push(row.id);
  }
  expect(await expiredOrders(db, new Date("2026-03-01T23:59:59Z"))).toEqual([]);
  const expired = await expiredOrders(db, expirationTime);
  expect(expired.map((row) => row.id).toSorted()).toEqual(rows.slice(0, 3));
  await setModel(rows[0] ?? 0, { status: "EXPIRED", expirationTime });
  expect(await expiredOrders(db, expirationTime)).toHaveLength(2);
});
