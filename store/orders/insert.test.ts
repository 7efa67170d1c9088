import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import { orderName } from "#crds/names.ts";
import { NOW, newOrder, orderSpec, storedOrder, testStore } from "#test/support/store.ts";
import { insertOrder } from "./insert.ts";
import { findOrder } from "./read.ts";

const { db, drop } = await testStore("insert");
afterAll(() => drop());

let users = 0;
const someone = () => `user-${++users}@example.org`;

test("insertOrder() makes a pending row whose resource is named after its id", async () => {
  const owner = someone();
  const inserted = await insertOrder(
    db,
    newOrder({ owner, spec: orderSpec({ owner }), role: "EXPLOIT", channel: "amqp" }),
  );
  expect(inserted.kind).toBe("created");
  const row = inserted.row;
  expect(row).toMatchObject({
    owner,
    status: "PENDING",
    role: "EXPLOIT",
    channel: "amqp",
    resourceName: orderName(row?.id ?? 0),
    label: "Order of 2026/03/01 at 10:00:00",
    spec: orderSpec({ owner }),
    createdAt: NOW,
    purged: false,
  });
  expect(row?.correlationId).toMatch(/^auto-correlation-id-[0-9a-f-]{36}$/);
  expect(row).not.toHaveProperty("resourceUid");
  expect(await findOrder(db, row?.id ?? 0)).toEqual(row);
});

test("insertOrder() is the same order however often and however many at once ask with the same key", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 0, max: 3 }), async (atOnce, later) => {
      const order = newOrder({ spec: orderSpec({ owner: someone() }), correlationId: "key" });
      const ask = () => insertOrder(db, { ...order, spec: { ...order.spec, retry: Math.floor(atOnce / 2) } });
      const answers = await Promise.all(Array.from({ length: atOnce }, ask));
      for (let i = 0; i < later; i++) answers.push(await ask());
      expect(new Set(answers.map((answer) => answer.row?.id)).size).toBe(1);
      expect(answers.filter((answer) => answer.kind === "created")).toHaveLength(1);
      expect(await db`SELECT FROM orders WHERE owner = ${order.owner}`).toHaveLength(1);
    }),
    { numRuns: 25 },
  );
});

test("insertOrder() refuses another request under a used correlation id, and shows whose it is", async () => {
  const owner = someone();
  const first = await storedOrder(db, { spec: orderSpec({ owner }), correlationId: "key" });
  const other = newOrder({ spec: orderSpec({ owner, selections: [{ query: "a:1" }] }), correlationId: "key" });
  expect(await insertOrder(db, other)).toEqual({ kind: "conflict", field: "correlationId", row: first });
});

test("insertOrder() keeps the correlation ids and labels of owners apart", async () => {
  const spec = (owner: string) => orderSpec({ owner, label: "the label" });
  const [a, b] = [someone(), someone()];
  await storedOrder(db, { spec: spec(a), correlationId: "key" });
  expect((await insertOrder(db, newOrder({ spec: spec(b), correlationId: "key" }))).kind).toBe("created");
});

test("insertOrder() refuses a label of the spec that is taken", async () => {
  const spec = orderSpec({ owner: someone(), label: "the label" });
  const first = await storedOrder(db, { spec });
  expect(await insertOrder(db, newOrder({ spec }))).toEqual({ kind: "conflict", field: "label", row: first });
});

test("P21: insertOrder() numbers made labels of the same second, also when many come at once", async () => {
  const spec = orderSpec({ owner: someone() });
  const many = await Promise.all(Array.from({ length: 20 }, () => insertOrder(db, newOrder({ spec }))));
  const labels = many.map((answer) => answer.row?.label);
  expect(many.every((answer) => answer.kind === "created")).toBe(true);
  expect(new Set(labels).size).toBe(20);
  expect(labels.toSorted()).toContain("Order of 2026/03/01 at 10:00:00");
  expect(labels.toSorted()).toContain("Order of 2026/03/01 at 10:00:00 (20)");
});

test("insertOrder() takes a proposed label and numbers it where it is taken", async () => {
  const spec = orderSpec({ owner: someone() });
  const label = "Generated order 2026-03-01T10:00:00.000Z";
  expect((await storedOrder(db, { spec, label })).label).toBe(label);
  expect((await storedOrder(db, { spec, label })).label).toBe(`${label} (2)`);
});

test("insertOrder() takes the resource that was there first", async () => {
  const resource = { name: "my-order", uid: "uid-1", namespaceUid: "here" };
  const row = await storedOrder(db, { spec: orderSpec({ owner: someone() }), channel: "kubectl", resource });
  expect(row).toMatchObject({ resourceName: "my-order", resourceUid: "uid-1", namespaceUid: "here" });
});
