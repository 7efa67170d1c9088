import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import { NOW, newSubOrder, orderSpec, storedOrder, testStore } from "#test/support/store.ts";
import { touchBlobs } from "../blob-rows.ts";
import { appendSubOrders } from "./append.ts";
import { observeOrder } from "./observe.ts";
import { findFile, takeFiles } from "./read.ts";
import { markDownloaded, markDownloadFailed, reportFiles } from "./report.ts";
import type { FileResult } from "./types.ts";

const { db, drop } = await testStore("report");
afterAll(() => drop());

const SHA = "0123456789abcdef".repeat(4);
await touchBlobs(db, [{ sha256: SHA, size: 7 }], { now: NOW });
const LATER = new Date("2026-03-01T12:00:00Z");

let users = 0;
async function orderOf(files: number, reference = false) {
  const { id } = await storedOrder(db, { spec: orderSpec({ owner: `user-${++users}@example.org` }) });
  const subOrders = [newSubOrder(1, files, { reference }), newSubOrder(2, 1)];
  await appendSubOrders(db, id, {
    expectCursor: undefined,
    cursor: 1,
    subOrders,
    products: files,
    done: true,
    now: NOW,
  });
  const rows = await db<
    { id: number }[]
  >`SELECT id FROM order_files WHERE order_id = ${id} AND sub_order = 1 ORDER BY id`;
  return { id, files: rows.map((row) => row.id) };
}

const available = (id: number): FileResult => ({ id, kind: "available", sha256: SHA, size: 7, crc32: 4_294_967_295 });
const rowsOf = (id: number) => db`SELECT *, xmin::text AS version FROM order_files WHERE order_id = ${id} ORDER BY id`;

test("reportFiles() stores what was received, what failed and what has to wait", async () => {
  const { id, files } = await orderOf(4);
  const [a = 0, b = 0, c = 0, d = 0] = files;
  const results: FileResult[] = [
    { ...available(a), mimeType: "image/jp2" } as FileResult,
    available(b),
    { id: c, kind: "failed", error: "Cannot fetch: status 404\0" },
    { id: d, kind: "notReady", retryAfter: LATER, reason: "on tape" },
  ];
  await reportFiles(db, id, 1, results, { now: NOW });
  expect(await findFile(db, a)).toMatchObject({
    state: "AVAILABLE",
    sha256: SHA,
    size: 7,
    crc32: 4_294_967_295,
    mimeType: "image/jp2",
  });
  expect(await findFile(db, b)).toMatchObject({ state: "AVAILABLE", mimeType: "image/tiff" });
  expect(await findFile(db, c)).toMatchObject({ state: "ERROR", error: "Cannot fetch: status 404", size: 1000 });
  expect(await takeFiles(db, id, 1, { limit: 10 })).toMatchObject([{ id: d, retryAfter: LATER, notReadySince: NOW }]);
  await reportFiles(db, id, 1, [{ id: d, kind: "notReady", retryAfter: LATER }], { now: LATER });
  expect(await takeFiles(db, id, 1, { limit: 10 })).toMatchObject([{ id: d, notReadySince: NOW }]);
  expect((await observeOrder(db, id)).lastReportAt).toEqual(LATER);
});

test("reportFiles() twice is once: a file that has its result keeps it", async () => {
  const result = fc.constantFrom<(id: number) => FileResult>(
    available,
    (id) => ({ id, kind: "failed", error: "no" }),
    (id) => ({ id, kind: "failed", error: "other" }),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(result, { minLength: 1, maxLength: 5 }),
      fc.array(result, { minLength: 5, maxLength: 5 }),
      async (first, second) => {
        const { id, files } = await orderOf(5);
        const report = (kinds: typeof first) =>
          reportFiles(
            db,
            id,
            1,
            kinds.map((of, i) => of(files[i] ?? 0)),
            { now: NOW },
          );
        await report(first);
        const once = await rowsOf(id);
        await report(first);
        expect(await rowsOf(id)).toEqual(once);
        await report(second);
        const after = await rowsOf(id);
        expect(after.slice(0, first.length)).toEqual(once.slice(0, first.length));
        expect(after.slice(0, 5).every((row) => row["state"] !== "PENDING")).toBe(true);
      },
    ),
    { numRuns: 15 },
  );
});

test("reportFiles() does not touch files of another sub-order or order", async () => {
  const mine = await orderOf(1);
  const other = await orderOf(1);
  await reportFiles(db, mine.id, 1, [available(other.files[0] ?? 0)], { now: NOW });
  await reportFiles(db, mine.id, 2, [available(mine.files[0] ?? 0)], { now: NOW });
  await reportFiles(db, 999_999, 1, [available(mine.files[0] ?? 0)], { now: NOW });
  expect((await observeOrder(db, mine.id)).files.available).toBe(0);
  expect((await observeOrder(db, other.id)).files.available).toBe(0);
});

test("reportFiles() leaves a file pending whose blob is not known (any more)", async () => {
  const { id, files } = await orderOf(2);
  const [a = 0, b = 0] = files;
  const gone: FileResult = { id: a, kind: "available", sha256: "f".repeat(64), size: 1, crc32: 1 };
  await reportFiles(db, id, 1, [gone, available(b)], { now: NOW });
  expect((await takeFiles(db, id, 1, { limit: 10 })).map((file) => file.id)).toEqual([a]);
});

test("takeFiles() gives pending files by id, in pages", async () => {
  const { id, files } = await orderOf(5);
  await reportFiles(db, id, 1, [available(files[1] ?? 0)], { now: NOW });
  const first = await takeFiles(db, id, 1, { limit: 2 });
  expect(first.map((file) => file.id)).toEqual([files[0], files[2]] as number[]);
  const second = await takeFiles(db, id, 1, { after: first[1]?.id ?? 0, limit: 9 });
  expect(second.map((file) => file.id)).toEqual(files.slice(3));
});

test("markDownloaded() and markDownloadFailed() change only what is there, and may follow each other", async () => {
  const { id, files } = await orderOf(3);
  const [a = 0, b = 0, pending = 0] = files;
  await reportFiles(db, id, 1, [available(a), available(b)], { now: NOW });
  await markDownloaded(db, files, { now: NOW });
  expect((await observeOrder(db, id)).files).toEqual({ total: 4, pending: 2, available: 0, downloaded: 2, failed: 0 });
  await markDownloadFailed(db, a, "Connection lost");
  await markDownloadFailed(db, pending, "Connection lost");
  expect(await findFile(db, a)).toMatchObject({ state: "DOWNLOAD_ERROR", error: "Connection lost" });
  expect(await findFile(db, pending)).toMatchObject({ state: "PENDING" });
  expect(await observeOrder(db, id)).toMatchObject({ files: { available: 1, downloaded: 1 }, downloadErrors: 1 });
  await markDownloaded(db, [a], { now: NOW });
  expect(await findFile(db, a)).toMatchObject({ state: "DOWNLOADED" });
  expect(await findFile(db, a)).not.toHaveProperty("error");
});

test("observeOrder() waits for the user while a sub-order has nothing pending and something never downloaded", async () => {
  const { id, files } = await orderOf(2);
  const [a = 0, b = 0] = files;
  const waiting = async () => (await observeOrder(db, id)).waitingForUser;
  await reportFiles(db, id, 1, [available(a)], { now: NOW });
  expect(await waiting()).toBe(false);
  await reportFiles(db, id, 1, [available(b)], { now: NOW });
  expect(await waiting()).toBe(true);
  await markDownloaded(db, [a], { now: NOW });
  expect(await waiting()).toBe(true);
  await markDownloadFailed(db, b, "broken");
  expect(await waiting()).toBe(false);
});

test("markDownloaded() of files of several orders at once, in any order, does not dead-lock", async () => {
  const orders = [await orderOf(20, true), await orderOf(20, true), await orderOf(20, true)];
  const all = orders.flatMap((order) => order.files);
  const lists = [all, all.toReversed(), [...all.slice(30), ...all.slice(0, 30)]];
  await Promise.all(Array.from({ length: 12 }, (_, i) => markDownloaded(db, lists[i % 3] ?? [], { now: NOW })));
  for (const { id } of orders) expect((await observeOrder(db, id)).files.downloaded).toBe(20);
});
