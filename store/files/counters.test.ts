/** Whatever happens to files, in whatever order and at the same time, the counters are what a count of all files says. */
import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import { eventually } from "#test/support/eventually.ts";
import { NOW, newFile, newSubOrder, orderSpec, storedOrder, testStore } from "#test/support/store.ts";
import { touchBlobs } from "../blob-rows.ts";
import { startSubOrders } from "../scheduling.ts";
import { appendSubOrders } from "./append.ts";
import { observeOrder } from "./observe.ts";
import { markDownloaded, markDownloadFailed, reportFiles } from "./report.ts";
import { cancelPending, retryFailed } from "./retry.ts";
import { againSubOrder, endSubOrder, subOrdersOf } from "./sub-orders.ts";
import type { FileResult } from "./types.ts";

const { db, drop } = await testStore("counters");
afterAll(() => drop());

const SHA = "ab".repeat(32);
await touchBlobs(db, [{ sha256: SHA, size: 7 }], { now: NOW });

const SUB_ORDERS = 3;
const FILES = 6;
let users = 0;

/** Three sub-orders of six files, the last of references; sizes known, zero and unknown. */
async function preparedOrder() {
  const { id } = await storedOrder(db, { spec: orderSpec({ owner: `user-${++users}@example.org` }) });
  const subOrders = Array.from({ length: SUB_ORDERS }, (_, i) => {
    const reference = i === SUB_ORDERS - 1;
    const files = Array.from({ length: FILES }, (_, n) => {
      const { size, ...unknown } = newFile(i * 100 + n, { reference });
      return n % 3 === 0 ? unknown : { ...unknown, size: n % 3 === 1 ? 0 : 1000 };
    });
    return newSubOrder(i + 1, 0, { reference, files });
  });
  await appendSubOrders(db, id, { expectCursor: undefined, cursor: 1, subOrders, products: 18, done: true, now: NOW });
  const rows = await db<{ id: number }[]>`SELECT id FROM order_files WHERE order_id = ${id} ORDER BY id`;
  return { id, files: rows.map((row) => row.id) };
}

async function countedFromScratch(orderId: number) {
  const [row] = await db`
    SELECT count(*) AS total, count(*) FILTER (WHERE state = 'PENDING') AS pending,
      count(*) FILTER (WHERE state IN ('AVAILABLE', 'DOWNLOAD_ERROR')) AS available, count(*) FILTER (WHERE state = 'DOWNLOADED') AS downloaded,
      count(*) FILTER (WHERE state IN ('ERROR', 'PROCESSING_ERROR')) AS failed, count(*) FILTER (WHERE state = 'DOWNLOAD_ERROR') AS errors,
      coalesce(sum(coalesce(received_size, size, 0)), 0)::bigint AS bytes,
      coalesce(sum(coalesce(received_size, size, 0)) FILTER (WHERE state IN ('AVAILABLE', 'DOWNLOADED', 'DOWNLOAD_ERROR')), 0)::bigint AS there,
      coalesce(sum(coalesce(received_size, size, 0)) FILTER (WHERE state IN ('ERROR', 'PROCESSING_ERROR')), 0)::bigint AS lost
    FROM order_files WHERE order_id = ${orderId}`;
  const { total, pending, available, downloaded, failed, errors, bytes, there, lost } = row ?? {};
  return {
    files: { total, pending, available, downloaded, failed },
    downloadErrors: errors,
    bytes: { total: bytes, available: there, failed: lost },
  };
}

const subOrder = fc.integer({ min: 1, max: SUB_ORDERS });
const someFiles = fc.uniqueArray(fc.nat(SUB_ORDERS * FILES - 1), { minLength: 1, maxLength: 8 });
const resultKind = fc.constantFrom("available", "failed", "notReady" as const);

type Prepared = Awaited<ReturnType<typeof preparedOrder>>;
type Action = { readonly name: string; readonly run: (order: Prepared) => Promise<unknown> };

const ids = (order: Prepared, picks: readonly number[]) => picks.map((pick) => order.files[pick] ?? 0);

function result(id: number, kind: FileResult["kind"]): FileResult {
  if (kind === "available") return { id, kind, sha256: SHA, size: 7, crc32: 2 ** 32 - 1 };
  return kind === "failed" ? { id, kind, error: "no" } : { id, kind, retryAfter: NOW };
}

async function attemptOf(orderId: number, number: number): Promise<number> {
  const [row] = await db<{ attempt: number }[]>`
    SELECT attempt FROM sub_orders WHERE order_id = ${orderId} AND number = ${number}`;
  return row?.attempt ?? 0;
}

const action: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ number: subOrder, picks: someFiles, kind: resultKind }).map(({ number, picks, kind }) => ({
    name: `report ${kind} of ${picks} in ${number}`,
    run: (o: Prepared) =>
      reportFiles(
        db,
        o.id,
        number,
        ids(o, picks).map((id) => result(id, kind)),
        { now: NOW },
      ),
  })),
  someFiles.map((picks) => ({
    name: `downloaded ${picks}`,
    run: (o: Prepared) => markDownloaded(db, ids(o, picks), { now: NOW }),
  })),
  fc.nat(SUB_ORDERS * FILES - 1).map((pick) => ({
    name: `download of ${pick} failed`,
    run: (o: Prepared) => markDownloadFailed(db, o.files[pick] ?? 0, "broken"),
  })),
  subOrder.map((number) => ({
    name: `start ${number}`,
    run: (o: Prepared) => startSubOrders(db, [{ orderId: o.id, number }], { now: NOW }),
  })),
  fc.record({ number: subOrder, late: fc.boolean(), fail: fc.boolean() }).map(({ number, late, fail }) => ({
    name: `${late ? "late " : ""}end of ${number}${fail ? ", failing what is pending" : ""}`,
    run: async (o: Prepared) => {
      const attempt = (await attemptOf(o.id, number)) - (late ? 1 : 0);
      const end = {
        attempt,
        state: fail ? "Failed" : "Succeeded",
        ...(fail && { failPending: "late" }),
        now: NOW,
      } as const;
      return endSubOrder(db, o.id, number, end);
    },
  })),
  subOrder.map((number) => ({
    name: `again ${number}`,
    run: async (o: Prepared) => againSubOrder(db, o.id, number, { attempt: await attemptOf(o.id, number), now: NOW }),
  })),
  fc
    .integer({ min: 1, max: 3 })
    .map((retry) => ({ name: `retry ${retry}`, run: (o: Prepared) => retryFailed(db, o.id, { retry, now: NOW }) })),
  fc.constant<Action>({
    name: "cancel",
    run: (o: Prepared) => cancelPending(db, o.id, { reason: "cancelled", now: NOW }),
  }),
  fc.constant<Action>({ name: "observe", run: (o: Prepared) => observeOrder(db, o.id) }),
);

test("observeOrder() agrees with a count from scratch after any sequence of actions, one by one or all at once", async () => {
  const sequences = fc.record({ actions: fc.array(action, { maxLength: 16 }), atOnce: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(sequences, async ({ actions, atOnce }) => {
      const order = await preparedOrder();
      if (atOnce) await Promise.all(actions.map(({ run }) => run(order)));
      for (const { run } of atOnce ? [] : actions) {
        await run(order);
        expect(await observeOrder(db, order.id)).toMatchObject(await countedFromScratch(order.id));
      }
      const want = await countedFromScratch(order.id);
      const seen = await observeOrder(db, order.id);
      expect(seen).toMatchObject(want);
      expect(await observeOrder(db, order.id)).toEqual(seen);
      const stale = await db`SELECT FROM sub_orders WHERE order_id = ${order.id} AND changes <> counted`;
      expect(stale.count).toBe(0);
      const rows = await subOrdersOf(db, order.id, { limit: 10 });
      expect(rows.reduce((sum, row) => sum + row.files.pending, 0)).toBe(seen.files.pending);
      expect(seen.subOrders.total).toBe(SUB_ORDERS);
    }),
    { numRuns: 60 },
  );
}, 60_000);

test("observeOrder() that counted before a report keeps the sub-order stale when the report commits first", async () => {
  const order = await preparedOrder();
  await reportFiles(db, order.id, 1, [result(order.files[0] ?? 0, "failed")], { now: NOW });
  let observing: Promise<unknown> | undefined;
  await db.begin(async (sql) => {
    await sql`UPDATE sub_orders SET changes = changes + 1 WHERE order_id = ${order.id} AND number = 1`;
    await sql`UPDATE order_files SET state = 'ERROR' WHERE order_id = ${order.id} AND sub_order = 1`;
    observing = observeOrder(db, order.id);
    await eventually("the recount waits for the report", async () => {
      const waiting =
        await db`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
      return waiting.count > 0;
    });
  });
  const want = await countedFromScratch(order.id);
  expect(want.files["failed"]).toBe(FILES);
  expect(await observing).toMatchObject(want);
  expect(await observeOrder(db, order.id)).toMatchObject(want);
});

test("observeOrder() beside a storm of reports never stores a stale counter as a fresh one", async () => {
  const order = await preparedOrder();
  let reporting = true;
  const observing = (async () => {
    while (reporting) await observeOrder(db, order.id);
  })();
  for (let round = 1; round <= 15; round++) {
    await Promise.all(
      order.files
        .slice(0, 12)
        .map((id, i) => reportFiles(db, order.id, i < FILES ? 1 : 2, [result(id, "failed")], { now: NOW })),
    );
    await retryFailed(db, order.id, { retry: round, now: NOW });
  }
  reporting = false;
  await observing;
  expect(await observeOrder(db, order.id)).toMatchObject(await countedFromScratch(order.id));
}, 30_000);
