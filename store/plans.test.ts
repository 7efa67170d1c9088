/**
 * No hot query may read a whole table: the statements that the functions really send are explained, beside enough rows, with
 * their values and as generic plans (PostgreSQL goes over to those after five runs).
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import postgres from "postgres";
import { eventually } from "#test/support/eventually.ts";
import { NOW, newOrder, newSubOrder, orderSpec, testStore } from "#test/support/store.ts";
import { collectBlobs, findBlobs, touchBlobs } from "./blob-rows.ts";
import type { BlobStore } from "./blobs/blob-store.ts";
import type { Db } from "./db.ts";
import * as files from "./files.ts";
import { claimDeliveries, claimMails, endNotification, putOffNotification } from "./notifications/claim.ts";
import { listNotifications } from "./notifications/read.ts";
import { hasUnrouted, type Routing, routeMessages } from "./notifications/route.ts";
import * as orders from "./orders.ts";
import { schedulingView, startSubOrders } from "./scheduling.ts";

type Statement = { readonly text: string; readonly parameters: readonly unknown[]; readonly types: readonly number[] };

const store = await testStore("plans");
let sent: Statement[] = [];
const watched = postgres({
  ...(store.db.options as unknown as postgres.Options<Record<string, never>>),
  debug: (_connection, text, parameters, types) => sent.push({ text, parameters, types: types as number[] }),
}) as unknown as Db;
afterAll(async () => {
  await watched.end({ timeout: 1 });
  await store.drop();
});

/** 2,000 orders of 200 owners; 20,000 sub-orders and 300,000 files in the first 500 of them, half fetched; 30,000 blobs. */
beforeAll(async () => {
  const { db } = store;
  await db`
    INSERT INTO orders (owner, label, correlation_id, resource_name, resource_uid, spec, spec_hash, role, channel, created_at, status, status_time,
      expiration_time)
    SELECT 'user-' || n % 200, 'label ' || n, 'key ' || n, 'order-' || n, CASE WHEN n % 400 > 0 THEN 'uid ' || n END, '{}', 'hash', 'EXPLOIT',
      'rest', ${NOW}::timestamptz, CASE WHEN n % 4 > 0 THEN 'EXPIRED' ELSE 'DONE' END, ${NOW}, ${NOW}::timestamptz + n * interval '1 minute'
    FROM generate_series(1, 2000) n`;
  await db`
    INSERT INTO sub_orders (order_id, number, owner, dataset_urn, dataset_label, reference, state, planned_bytes, files_total, files_pending,
      files_available, bytes_total, bytes_available, changes)
    SELECT o, n, 'user-' || o % 200, 'd', 'd', n % 10 = 0, CASE WHEN n % 10 = 0 THEN 'Succeeded' WHEN n % 25 = 1 THEN 'Running' WHEN n % 2 = 0
      THEN 'Waiting' ELSE 'Succeeded' END, n * 1000, 15, 5, 10, 1, 1, CASE WHEN n = 3 THEN 1 ELSE 0 END
    FROM generate_series(1, 500) o, generate_series(1, 40) n`;
  await db`
    INSERT INTO order_files (order_id, sub_order, reference, product_version, product_urn, provider_id, file_type, uri, filename, mime_type, size,
      state, sha256)
    SELECT o, n, false, 1, 'urn', 'id', 'RAWDATA', 'https://archive.example.org/a/file', 'file', 'image/tiff', 1000,
      CASE WHEN f % 2 = 0 THEN 'PENDING' ELSE 'AVAILABLE' END, CASE WHEN f % 2 = 1 THEN sha256((o || '.' || n || '.' || f)::bytea) END
    FROM generate_series(1, 500) o, generate_series(1, 40) n, generate_series(1, 15) f`;
  await db`INSERT INTO blobs SELECT sha256, 1000, ${NOW} FROM order_files WHERE sha256 IS NOT NULL AND order_id <= 100`;
  await db`
    INSERT INTO webhooks (owner, url, kinds, secret, created_at, failures, retry_at)
    SELECT 'user-' || n % 200, 'https://a.example/', '{DONE}', 's', ${NOW}, n % 2, CASE WHEN n % 2 = 1 THEN now() + interval '1 day' END
    FROM generate_series(1, 400) n`;
  await db`
    INSERT INTO outbox (order_id, dedup_key, kind, payload, created_at, delivered_at, routed)
    SELECT o, 'n' || n, 'DONE', '{}', ${NOW}, ${NOW}, n < 20 FROM generate_series(1, 2000) o, generate_series(1, 20) n`;
  await db`
    INSERT INTO notifications (message_id, way, target, webhook_id, order_id, state, created_at, due_at, ended_at)
    SELECT m.id, 'webhook', w.id::text, w.id, m.order_id, CASE WHEN m.dedup_key = 'n19' THEN 'waiting' ELSE 'delivered' END, ${NOW}, ${NOW}, ${NOW}
    FROM outbox m JOIN webhooks w ON w.owner = 'user-' || m.order_id % 200 WHERE m.routed AND m.dedup_key <> 'granted'
    UNION ALL
    SELECT id, 'mail', 'user-' || order_id % 200, NULL, order_id, CASE WHEN dedup_key = 'n19' THEN 'waiting' ELSE 'delivered' END, ${NOW}, ${NOW}, ${NOW}
    FROM outbox WHERE routed`;
  await db`ANALYZE orders, sub_orders, order_files, blobs, outbox, notifications, webhooks`;
}, 60_000);

/** The tables that the statement's plan reads from end to end. */
async function tablesReadWhole({ text, parameters, types }: Statement): Promise<string[]> {
  const values = parameters.map((value, i) => (types[i] ? store.db.typed(value as never, types[i]) : value));
  const plans = [
    await store.db.unsafe(`EXPLAIN (FORMAT JSON) ${text}`, values as never[]),
    await store.db.unsafe(`EXPLAIN (GENERIC_PLAN, FORMAT JSON) ${text}`),
  ];
  return plans.flatMap((rows) => {
    const plan: unknown = rows[0]?.["QUERY PLAN"];
    expect(plan).toBeArray();
    return found(plan, "Seq Scan", "Relation Name");
  });
}

/** `field` of every node of that type in the plan. */
function found(node: unknown, type: string, field: string): string[] {
  if (Array.isArray(node)) return node.flatMap((member) => found(member, type, field));
  if (typeof node !== "object" || node === null) return [];
  const plan = node as Record<string, unknown>;
  const here = plan["Node Type"] === type ? [String(plan[field])] : [];
  return [...here, ...Object.values(plan).flatMap((member) => found(member, type, field))];
}

const MAIL_SETTINGS: Routing["settings"] = { mail_kinds: ["finished"], mail_channels: ["rest"] };
const LATER = new Date(NOW.getTime() + 86_400_000);
const noBlobs = { sweepStaging: () => Promise.resolve(), remove: () => Promise.resolve() } as unknown as BlobStore;
const spec = orderSpec({ owner: "user-7" });
const sha256 = "ab".repeat(32);
const model = (row: orders.OrderRow): orders.ReadModel => row;

const BOUND = { id: 8, resourceName: "order-8", resourceUid: "uid 8" };

const hot: Record<string, (db: Db) => Promise<unknown>> = {
  insertOrder: (db) => orders.insertOrder(db, newOrder({ spec, correlationId: "key 7" })),
  "insertOrder with a taken label": (db) => orders.insertOrder(db, newOrder({ spec, label: "label 7" })),
  findOrder: (db) => orders.findOrder(db, 7),
  findOrderByKey: (db) => orders.findOrderByKey(db, "user-7", "key 7"),
  findOrderByResource: (db) => orders.findOrderByResource(db, { name: "order-7", uid: "uid 7" }),
  bindResource: (db) => orders.bindResource(db, 400, { uid: "uid", namespaceUid: "here" }),
  "searchOrders of an owner": (db) =>
    orders.searchOrders(db, { owner: "user-7", statuses: orders.statusesExcept(["DELETED"]) }, { page: 0, size: 20 }),
  "searchOrders of a part of an owner's name": (db) =>
    orders.searchOrders(db, { ownerContains: "er-77" }, { page: 0, size: 20 }),
  "searchOrders of a time": (db) => orders.searchOrders(db, { createdAfter: LATER }, { page: 0, size: 20 }),
  reportOrders: (db) => Array.fromAsync(orders.reportOrders(db, { statuses: ["PAUSED"] })),
  boundOrders: (db) => orders.boundOrders(db, { after: 100, limit: 50 }),
  leavingOrders: (db) => orders.leavingOrders(db),
  unbindResources: (db) => orders.unbindResources(db, [BOUND]),
  placeResources: (db) => orders.placeResources(db, "here", [BOUND]),
  ordersWithoutResource: (db) => orders.ordersWithoutResource(db, { before: NOW }),
  expiredOrders: (db) => orders.expiredOrders(db, new Date(NOW.getTime() + 600_000)),
  recordProgress: async (db) => {
    const row = await orders.findOrder(db, 7);
    const message = { dedupKey: "granted", kind: "GRANTED", payload: {} } as const;
    const told = [{ number: 1, attempt: 1 }];
    return (
      row &&
      orders.recordProgress(db, 7, { model: { ...model(row), message: "new" }, messages: [message], told, now: NOW })
    );
  },
  purgeFiles: (db) => orders.purgeFiles(db, 9),
  appendSubOrders: (db) =>
    files.appendSubOrders(db, 7, {
      expectCursor: undefined,
      cursor: 1,
      subOrders: [newSubOrder(99, 3)],
      products: 3,
      done: false,
      now: NOW,
    }),
  observeOrder: (db) => files.observeOrder(db, 11),
  subOrdersOf: (db) => files.subOrdersOf(db, 11, { states: ["Running"], limit: 100 }),
  takeFiles: (db) => files.takeFiles(db, 11, 4, { limit: 1000 }),
  reportFiles: async (db) => {
    const pending = await store.db<
      { id: number }[]
    >`SELECT id FROM order_files WHERE order_id = 11 AND state = 'PENDING' LIMIT 9`;
    const ids = pending.map((row) => row.id);
    await files.reportFiles(
      db,
      11,
      4,
      [
        ...ids.slice(0, 3).map((id) => ({ id, kind: "available", sha256, size: 1, crc32: 1 }) as const),
        ...ids.slice(3, 6).map((id) => ({ id, kind: "failed", error: "no" }) as const),
        ...ids.slice(6).map((id) => ({ id, kind: "notReady", retryAfter: NOW }) as const),
      ],
      { now: NOW },
    );
  },
  patienceOf: (db) => files.patienceOf(db, 11, 4),
  endSubOrder: (db) => files.endSubOrder(db, 11, 1, { attempt: 1, state: "Failed", failPending: "late", now: NOW }),
  againSubOrder: (db) => files.againSubOrder(db, 11, 26, { attempt: 1, now: NOW }),
  retryFailed: (db) => files.retryFailed(db, 11, { retry: 1, now: NOW }),
  cancelPending: (db) => files.cancelPending(db, 13, { reason: "no", now: NOW }),
  availableFiles: (db) => files.availableFiles(db, 15, { page: 3, size: 20 }),
  allFiles: (db) => Array.fromAsync(files.allFiles(db, 15)),
  linkedFiles: (db) => Array.fromAsync(files.linkedFiles(db, 15)),
  datasetFiles: (db) => files.datasetFiles(db, 15, { datasetUrn: "d", page: 3, size: 20 }),
  datasetsOfOrders: (db) => files.datasetsOfOrders(db, [15, 16]),
  datasetOfOrder: (db) => files.datasetOfOrder(db, 15, 1),
  findFile: (db) => files.findFile(db, 12_345),
  markDownloaded: (db) => files.markDownloaded(db, [12_345, 12_347, 99_999], { now: NOW }),
  markDownloadFailed: (db) => files.markDownloadFailed(db, 12_349, "no"),
  datasetsOf: (db) => files.datasetsOf(db, 15),
  schedulingView: (db) => schedulingView(db, NOW, { perOwner: 4, excluded: [3, 4] }),
  startSubOrders: (db) =>
    startSubOrders(
      db,
      [
        { orderId: 15, number: 2 },
        { orderId: 16, number: 2 },
      ],
      { now: NOW },
    ),
  hasUnrouted: (db) => hasUnrouted(db),
  routeMessages: (db) => routeMessages(db, { mail: true, settings: MAIL_SETTINGS, now: NOW }),
  claimMails: (db) => claimMails(db, { limit: 4, leaseSeconds: 60 }),
  claimDeliveries: (db) => claimDeliveries(db, { limit: 32, leaseSeconds: 60, each: 4, busy: [3] }),
  endNotification: (db) => endNotification(db, 77, { state: "delivered", now: NOW }),
  putOffNotification: (db) => putOffNotification(db, { id: 78, attempts: 0 }, { seconds: 1, error: "no" }),
  "listNotifications of a webhook": (db) => listNotifications(db, { of: { webhook: 7 } }, { page: 0, size: 20 }),
  touchBlobs: (db) => touchBlobs(db, [{ sha256, size: 1 }], { now: NOW }),
  findBlobs: (db) => findBlobs(db, [sha256], { now: NOW }),
  collectBlobs: async (db) => {
    await touchBlobs(store.db, [{ sha256: "ee".repeat(32), size: 1 }], { now: new Date(0) });
    await collectBlobs(db, noBlobs, { now: NOW, unusedFor: 1000 });
  },
};

/** Small by nature: one row, or what runs right now. */
const SMALL = new Set(["blob_space", "migrations", "webhooks"]);

describe("no sequential scan in", () => {
  for (const [name, run] of Object.entries(hot)) {
    test(name, async () => {
      sent = [];
      await run(watched);
      const data = sent.filter(({ text }) => /^\s*(SELECT|WITH|INSERT|UPDATE|DELETE)/.test(text));
      const statements = new Map(data.map((statement) => [statement.text, statement])).values().toArray();
      expect(statements.length).toBeGreaterThan(0);
      for (const statement of statements) {
        const tables = (await tablesReadWhole(statement)).filter((table) => !SMALL.has(table));
        expect({ tables, text: statement.text }).toEqual({ tables: [], text: statement.text });
      }
    });
  }
});

/** Rows that the statement looks at in all, by their places in the plan. */
async function rowsLookedAt({ text, parameters, types }: Statement): Promise<number> {
  const values = parameters.map((value, i) => (types[i] ? store.db.typed(value as never, types[i]) : value));
  const [row] = await store.db.unsafe(`EXPLAIN (ANALYZE, FORMAT JSON) ${text}`, values as never[]);
  const looked = (node: unknown): number => {
    if (Array.isArray(node)) return node.reduce((sum: number, member) => sum + looked(member), 0);
    if (typeof node !== "object" || node === null) return 0;
    const plan = node as Record<string, number>;
    const of = (field: string) => plan[field] ?? 0;
    const each = of("Actual Rows") + of("Rows Removed by Filter") + of("Rows Removed by Index Recheck");
    const here = "Relation Name" in plan ? each * of("Actual Loops") : 0;
    return here + Object.values(plan).reduce((sum, member) => sum + looked(member), 0);
  };
  return looked(row?.["QUERY PLAN"]);
}

test("searchOrders() of an owner of many, all of them old, looks at no orders of others and at no row but a page's", async () => {
  await store.db`
    INSERT INTO orders (owner, label, correlation_id, resource_name, spec, spec_hash, role, channel, created_at, status_time, status)
    SELECT CASE WHEN n <= 1000 THEN 'robot' ELSE 'other-' || n % 50 END, 'label ' || n, 'key ' || n, 'robot-' || n, '{}', 'hash', 'EXPLOIT',
      'amqp', ${NOW}, ${NOW}, CASE WHEN n % 5 = 0 THEN 'DELETED' WHEN n % 100 = 1 THEN 'FAILED' ELSE 'DONE' END
    FROM generate_series(1, 10000) n`;
  // As autovacuum leaves a table. Whoever looks at the rows meanwhile keeps it from that.
  await eventually("orders are vacuumed", async () => {
    await store.db`VACUUM ANALYZE orders`;
    const [table] =
      await store.db`SELECT relallvisible >= 0.9 * relpages AS clean FROM pg_class WHERE oid = 'orders'::regclass`;
    return table?.["clean"] === true;
  });
  const shown = orders.statusesExcept(["DELETED"]);
  const cases: Record<string, { statuses: typeof shown; page: number; atMost: number }> = {
    "first page": { statuses: shown, page: 0, atMost: 100 },
    "last page": { statuses: shown, page: 39, atMost: 1000 + 20 },
    "a rare status": { statuses: ["FAILED"], page: 0, atMost: 1000 + 20 },
  };
  for (const [name, { statuses, page, atMost }] of Object.entries(cases)) {
    sent = [];
    const { rows, total } = await orders.searchOrders(watched, { owner: "robot", statuses }, { page, size: 20 });
    expect([name, rows.length > 0, total]).toEqual([name, true, statuses === shown ? 800 : 10]);
    for (const statement of sent.filter(({ text }) => text.includes("FROM orders"))) {
      const counts = statement.text.includes("count(*)");
      const looked = await rowsLookedAt(statement);
      expect({ name, counts, looked, enough: looked <= (counts ? 1000 : atMost) }).toMatchObject({ enough: true });
    }
  }
});

test("order_files keeps to three indexes: each costs every one of ten million rows", async () => {
  const indexes = await store.db`SELECT indexname FROM pg_indexes WHERE tablename = 'order_files'`;
  expect(indexes.map((row) => row["indexname"]).toSorted()).toEqual([
    "order_files_blob_idx",
    "order_files_pkey",
    "order_files_sub_order_idx",
  ]);
});
