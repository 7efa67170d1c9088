import { afterAll, expect, test } from "bun:test";
import { eventually } from "#test/support/eventually.ts";
import { storedOrder, testStore } from "#test/support/store.ts";
import { listenChanges, notifyChange } from "./changes.ts";
import { connect } from "./db.ts";
import { migrate } from "./migrate.ts";

const store = await testStore("changes");
const { db } = store;
const stopping = new AbortController();
afterAll(async () => {
  stopping.abort();
  await store.drop();
});

async function listen(signal = stopping.signal) {
  const heard: number[] = [];
  const gaps = { count: 0 };
  const onGap = () => {
    gaps.count++;
  };
  await listenChanges(db, (id) => heard.push(id), { onGap, signal });
  return { heard, gaps };
}

test("listenChanges() hears of a change when its transaction commits, and not of one that is rolled back", async () => {
  const { heard } = await listen();
  await db
    .begin(async (sql) => {
      await notifyChange(sql, 41);
      throw new Error("rolled back");
    })
    .catch(() => {});
  await db.begin((sql) => notifyChange(sql, 42));
  await eventually("42 is heard", () => heard.includes(42));
  expect(heard).toEqual([42]);
});

test("listenChanges() does not hear other tenants of the same database", async () => {
  const other = connect(store.url, { schema: "tenant_other" });
  await migrate(other, { schema: "tenant_other" });
  const { heard } = await listen();
  await other.begin((sql) => notifyChange(sql, 1));
  await db.begin((sql) => notifyChange(sql, 2));
  await eventually("2 is heard", () => heard.includes(2));
  expect(heard).toEqual([2]);
  await other.end();
});

test("listenChanges() comes back after its connection is lost, and says that there was a gap", async () => {
  const { heard, gaps } = await listen();
  const lost = await db`
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()`;
  expect(lost.count).toBeGreaterThan(0);
  await eventually("the gap is told", () => gaps.count === 1);
  const { id } = await storedOrder(db);
  await eventually("a change after the gap is heard", () => heard.includes(id));
});

test("listenChanges() ends its connection when the signal aborts", async () => {
  const name = "listener-that-ends";
  const own = connect(store.url, { schema: store.schema, application: name });
  const abort = new AbortController();
  await listenChanges(own, () => {}, { signal: abort.signal });
  const count = async () => (await db`SELECT FROM pg_stat_activity WHERE application_name = ${name}`).count;
  expect(await count()).toBe(1);
  abort.abort();
  await eventually("the connection is gone", async () => (await count()) === 0);
  await own.end();
});
