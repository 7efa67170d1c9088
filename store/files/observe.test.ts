import { afterAll, expect, test } from "bun:test";
import { NOW, newSubOrder, storedOrder, testStore } from "#test/support/store.ts";
import { connect } from "../db.ts";
import { appendSubOrders } from "./append.ts";
import { observeOrder } from "./observe.ts";

const store = await testStore("observe");
const db = connect(store.url, { schema: store.schema, max: 1 });
afterAll(async () => {
  await db.end();
  await store.drop();
});

test("observeOrder() counts each stale sub-order a fixed number of times, also before PostgreSQL has statistics of a new order", async () => {
  await db`ALTER TABLE order_files SET (autovacuum_enabled = off)`;
  await db`ALTER TABLE sub_orders SET (autovacuum_enabled = off)`;
  const { id } = await storedOrder(db);
  const subOrders = Array.from({ length: 120 }, (_, i) => newSubOrder(i + 1, 20));
  await appendSubOrders(db, id, { expectCursor: undefined, cursor: 1, subOrders, products: 1, done: true, now: NOW });
  await db`UPDATE sub_orders SET changes = changes + 1`;
  const read = async () => {
    await db`SELECT pg_stat_force_next_flush()`;
    const [row] = await db<{ n: number }[]>`
      SELECT coalesce(sum(idx_scan), 0)::bigint AS n FROM pg_stat_user_indexes WHERE indexrelname = 'order_files_sub_order_idx'`;
    return row?.n ?? 0;
  };
  const before = await read();
  expect((await observeOrder(db, id)).files).toMatchObject({ total: 2400, pending: 2400 });
  const counts = (await read()) - before;
  expect(counts).toBeGreaterThanOrEqual(120);
  expect(counts).toBeLessThanOrEqual(130);
});
