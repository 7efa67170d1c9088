import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import { NOW, newSubOrder, orderSpec, storedOrder, testStore } from "#test/support/store.ts";
import { purgeFiles } from "../orders.ts";
import { appendSubOrders } from "./append.ts";
import { allFiles, availableFiles, findFile } from "./read.ts";
import { markDownloaded, markDownloadFailed } from "./report.ts";

const { db, drop } = await testStore("files-read");
afterAll(() => drop());

let users = 0;
async function orderOf(sizes: readonly number[]) {
  const { id } = await storedOrder(db, { spec: orderSpec({ owner: `user-${++users}@example.org` }) });
  const subOrders = sizes.map((files, i) => newSubOrder(i + 1, files, { reference: i !== 1 }));
  await appendSubOrders(db, id, { expectCursor: undefined, cursor: 1, subOrders, products: 1, done: true, now: NOW });
  const rows = await db<{ id: number }[]>`SELECT id FROM order_files WHERE order_id = ${id} ORDER BY sub_order, id`;
  return { id, files: rows.map((row) => row.id) };
}

test("findFile() tells the file with its dataset, until the order's files are given back", async () => {
  const { id, files } = await orderOf([1]);
  const [file = 0] = files;
  expect(await findFile(db, file)).toMatchObject({
    id: file,
    orderId: id,
    subOrder: 1,
    datasetUrn: "URN:dataset:d",
    state: "AVAILABLE",
  });
  expect(await findFile(db, 999_999)).toBeUndefined();
  await purgeFiles(db, id);
  expect(await findFile(db, file)).toBeUndefined();
});

test("availableFiles() pages through the files in state AVAILABLE, whatever the page size and whatever was downloaded", async () => {
  const picks = fc.uniqueArray(fc.nat(29), { maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(picks, picks, fc.integer({ min: 1, max: 12 }), async (downloaded, broken, size) => {
      const { id, files } = await orderOf([9, 3, 1, 14, 3]);
      const pick = (list: readonly number[]) => list.map((i) => files[i] ?? 0);
      await markDownloaded(db, pick(downloaded), { now: NOW });
      for (const file of pick(broken)) await markDownloadFailed(db, file, "broken");
      const want = await db<{ id: number; subOrder: number }[]>`
        SELECT id, sub_order FROM order_files WHERE order_id = ${id} AND state = 'AVAILABLE' ORDER BY sub_order, id`;
      const pages = async (o: { subOrder?: number }) => {
        const seen: number[] = [];
        for (let page = 0; ; page++) {
          const { rows, total } = await availableFiles(db, id, { ...o, page, size });
          if (rows.length === 0) return { seen, total };
          seen.push(...rows.map((row) => row.id));
        }
      };
      expect(await pages({})).toEqual({ seen: want.map((row) => row.id), total: want.length });
      const ofFour = want.filter((row) => row.subOrder === 4).map((row) => row.id);
      expect(await pages({ subOrder: 4 })).toEqual({ seen: ofFour, total: ofFour.length });
    }),
    { numRuns: 20 },
  );
});

test("allFiles() gives the files of the order in whatever state, by sub-order then id, in pages", async () => {
  const { id, files } = await orderOf([6_000, 2, 3]);
  await markDownloaded(db, files.slice(10, 20), { now: NOW });
  await markDownloadFailed(db, files[0] ?? 0, "broken");
  const pages = await Array.fromAsync(allFiles(db, id));
  expect(pages.length).toBeGreaterThan(1);
  expect(pages.flat().map((file) => file.id)).toEqual(files);
});
