import { afterAll, expect, test } from "bun:test";
import type { OrderStatusWord } from "#crds/files.ts";
import { newSubOrder, orderSpec, storedOrder, testStore } from "#test/support/store.ts";
import { appendSubOrders } from "../files.ts";
import { removeOrder } from "./remove.ts";
import type { OrderRow } from "./rows.ts";
import { type OrderFilter, reportOrders, searchOrders, statusesExcept } from "./search.ts";

const { db, drop } = await testStore("orders-search");
afterAll(() => drop());

async function made(
  owner: string,
  o: { status?: OrderStatusWord; label?: string; at?: string } = {},
): Promise<OrderRow> {
  const spec = orderSpec({ owner, ...(o.label !== undefined && { label: o.label }) });
  const row = await storedOrder(db, { spec, now: new Date(o.at ?? "2026-03-01T10:00:00Z") });
  if (o.status) await db`UPDATE orders SET status = ${o.status} WHERE id = ${row.id}`;
  return row;
}

async function found(filter: OrderFilter, o: Partial<Parameters<typeof searchOrders>[2]> = {}) {
  const { rows, total } = await searchOrders(db, filter, { page: 0, size: 10, ...o });
  return { ids: rows.map((row) => row.id), total };
}

test("searchOrders() gives the newest first, in pages, by owner and status", async () => {
  const owner = "lists@example.org";
  const rows = [];
  for (const status of ["PENDING", "PENDING", "PENDING", "DONE", "DELETED"] as const) {
    rows.push(await made(owner, { status }));
  }
  const ids = rows.map((row) => row.id).toReversed();
  expect(await found({ owner })).toEqual({ ids, total: 5 });
  expect(await found({ owner }, { page: 1, size: 2 })).toEqual({ ids: ids.slice(2, 4), total: 5 });
  expect(await found({ owner }, { page: 9 })).toEqual({ ids: [], total: 5 });
  expect(await found({ owner, statuses: statusesExcept(["DELETED"]) })).toEqual({ ids: ids.slice(1), total: 4 });
  expect(await found({ owner, statuses: ["DONE", "DELETED"] })).toEqual({ ids: ids.slice(0, 2), total: 2 });
  expect(await found({ owner, statuses: [] })).toEqual({ ids: [], total: 0 });
});

test("searchOrders() finds a part of an owner's name, in its case and not as a pattern", async () => {
  const one = await made("find_Me@example.org");
  const other = await made("findXMe@example.org");
  expect((await found({ ownerContains: "d_M" })).ids).toEqual([one.id]);
  expect((await found({ ownerContains: "Me@" })).ids).toEqual([other.id, one.id]);
  expect((await found({ ownerContains: "me@" })).ids).toEqual([]);
  expect((await found({ ownerContains: "%" })).total).toBe(0);
});

test("searchOrders() takes the bounds of a time in", async () => {
  const owner = "times@example.org";
  const rows = [];
  for (const hour of ["10", "11", "12"]) rows.push(await made(owner, { at: `2026-04-01T${hour}:00:00Z` }));
  const [first, second, third] = rows.map((row) => row.id);
  const at = (hour: string) => new Date(`2026-04-01T${hour}:00:00Z`);
  expect((await found({ owner, createdAfter: at("11") })).ids).toEqual([third ?? 0, second ?? 0]);
  expect((await found({ owner, createdAfter: at("10"), createdBefore: at("11") })).ids).toEqual([
    second ?? 0,
    first ?? 0,
  ]);
});

test("searchOrders() sorts as asked, and by number where that leaves two alike", async () => {
  const owner = "sorts@example.org";
  const rows = [];
  for (const label of ["b", "a", "c"]) rows.push(await made(owner, { label }));
  const [b = 0, a = 0, c = 0] = rows.map((row) => row.id);
  const sorted = async (key: "label" | "status", descending: boolean) =>
    (await found({ owner }, { sorts: [{ key, descending }] })).ids;
  expect(await sorted("label", false)).toEqual([a, b, c]);
  expect(await sorted("label", true)).toEqual([c, b, a]);
  expect(await sorted("status", true)).toEqual([c, a, b]);
});

test("reportOrders() gives every order once, over many pages, with the sums of its datasets", async () => {
  const owner = "report@example.org";
  const row = await made(owner);
  await appendSubOrders(db, row.id, {
    expectCursor: undefined,
    cursor: 1,
    subOrders: [newSubOrder(1, 2), newSubOrder(2, 3, { dataset: { urn: "URN:dataset:e", label: "d" } })],
    products: 5,
    done: true,
    now: new Date(),
  });
  await db`
    INSERT INTO orders (owner, label, correlation_id, resource_name, spec, spec_hash, role, channel, created_at, status_time)
    SELECT ${owner}, 'l' || n, 'k' || n, 'r' || n, '{}', 'h', 'EXPLOIT', 'rest', now(), now() FROM generate_series(1, 4100) n`;
  const pages = await Array.fromAsync(reportOrders(db, { owner }));
  expect(pages.map((page) => page.length)).toEqual([2000, 2000, 101]);
  const ids = pages.flat().map((line) => line.id);
  expect(ids).toEqual([...new Set(ids)].toSorted((x, y) => x - y));
  expect(pages[0]?.[0]).toMatchObject({ id: row.id, filesCount: 5, filesSize: 5000, expirationTime: null });
  expect(pages[0]?.[1]).toMatchObject({ filesCount: 0, filesSize: 0 });
});

test("removeOrder() leaves nothing of a deleted order, and any other alone", async () => {
  const row = await made("removes@example.org", { status: "DONE" });
  const step = { expectCursor: undefined, cursor: 1, products: 2, done: true, now: new Date() };
  await appendSubOrders(db, row.id, { ...step, subOrders: [newSubOrder(1, 2)] });
  expect(await removeOrder(db, row.id)).toBe(false);
  await db`UPDATE orders SET status = 'DELETED' WHERE id = ${row.id}`;
  expect(await removeOrder(db, row.id)).toBe(true);
  expect(await removeOrder(db, row.id)).toBe(false);
  for (const table of ["order_files", "sub_orders", "order_datasets", "archives"]) {
    expect({ table, left: (await db`SELECT FROM ${db(table)} WHERE order_id = ${row.id}`).count }).toEqual({
      table,
      left: 0,
    });
  }
});
