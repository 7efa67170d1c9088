import { afterAll, expect, test } from "bun:test";
import { eventually } from "#test/support/eventually.ts";
import { storedOrder, testStore } from "#test/support/store.ts";
import { tcpProxy } from "#test/support/tcp-proxy.ts";
import { followChanges, listenChanges, notifyChange } from "./changes.ts";
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

test("followChanges() waits for a database that is away, at first and later, and leaves no connection when the signal aborts", async () => {
  const address = new URL(store.url);
  const proxy = await tcpProxy({ host: address.hostname, port: Number(address.port || 5432) });
  proxy.refuse();
  address.host = `127.0.0.1:${proxy.port}`;
  const name = "follower-through-proxy";
  const own = connect(address.href, { schema: store.schema, application: name });
  const abort = new AbortController();
  const heard: number[] = [];
  const counts = { gaps: 0, failures: 0 };
  const following = followChanges(own, (id) => heard.push(id), {
    onGap: () => counts.gaps++,
    onFailure: () => counts.failures++,
    signal: abort.signal,
  });
  await eventually("a second try has failed", () => counts.failures >= 2);
  expect(counts.gaps).toBe(0);
  proxy.accept();
  await eventually("it listens, and says that it did not before", () => counts.gaps === 1);
  await db.begin((sql) => notifyChange(sql, 7));
  await eventually("a change is heard", () => heard.includes(7));

  const failures = counts.failures;
  proxy.refuse();
  await eventually("it sees that the database is away", () => counts.failures > failures);
  proxy.accept();
  await eventually("the gap is told", () => counts.gaps === 2);
  await db.begin((sql) => notifyChange(sql, 8));
  await eventually("a change after the gap is heard", () => heard.includes(8));

  abort.abort();
  await following;
  const left = async () => (await db`SELECT FROM pg_stat_activity WHERE application_name = ${name}`).count;
  await eventually("its connection is gone", async () => (await left()) === 0);
  await own.end();
  await proxy.stop();
});
