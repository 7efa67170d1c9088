import { afterAll, expect, test } from "bun:test";
import { NOW, newFile, newSubOrder, storedOrder, testStore } from "#test/support/store.ts";
import { appendSubOrders } from "./append.ts";
import { datasetFiles, datasetOfOrder, datasetsOfOrders } from "./datasets.ts";
import { datasetsOf, linkedFiles } from "./read.ts";

const { db, drop } = await testStore("files-datasets");
afterAll(() => drop());

const D = { urn: "URN:d", label: "Same label" };
const E = { urn: "URN:e", label: "Same label" };

/** Sub-orders of D, E, D with three files each; names fall while ids grow. */
async function order(): Promise<number> {
  const { id } = await storedOrder(db);
  const subOrders = [D, E, D].map((dataset, i) => ({
    ...newSubOrder(i + 1, 0, { dataset }),
    files: [0, 1, 2].map((n) => newFile(i * 3 + n, { filename: `${9 - i * 3 - n}.tif` })),
  }));
  const step = { expectCursor: undefined, cursor: 1, products: 9, done: true, now: NOW };
  await appendSubOrders(db, id, { ...step, subOrders });
  return id;
}

test("P28: datasetFiles() reads one dataset of one order, in pages, by id or as asked", async () => {
  const id = await order();
  const names = async (o: Partial<Parameters<typeof datasetFiles>[2]>) => {
    const { rows, total } = await datasetFiles(db, id, { datasetUrn: D.urn, page: 0, size: 10, ...o });
    return { names: rows.map((row) => row.filename.slice(0, 1)).join(""), total };
  };
  expect(await names({})).toEqual({ names: "987321", total: 6 });
  expect(await names({ page: 1, size: 2 })).toEqual({ names: "73", total: 6 });
  expect(await names({ page: 2, size: 2 })).toEqual({ names: "21", total: 6 });
  expect(await names({ page: 3, size: 2 })).toEqual({ names: "", total: 6 });
  expect(await names({ sorts: [{ key: "filename", descending: false }] })).toEqual({ names: "123789", total: 6 });
  expect(await names({ sorts: [{ key: "filename", descending: false }], page: 1, size: 4 })).toEqual({
    names: "89",
    total: 6,
  });
  expect(await names({ datasetUrn: E.urn })).toEqual({ names: "654", total: 3 });
});

test("datasetOfOrder() knows only datasets of that order", async () => {
  const [one, other] = [await order(), await order()];
  const [first] = await datasetsOf(db, one);
  expect(await datasetOfOrder(db, one, first?.id ?? 0)).toBe(D.urn);
  expect(await datasetOfOrder(db, other, first?.id ?? 0)).toBeUndefined();
});

test("datasetsOfOrders() gives each order its own, P10: two datasets of one label stay two", async () => {
  const [one, other, empty] = [await order(), await order(), (await storedOrder(db)).id];
  const datasets = await datasetsOfOrders(db, [one, other, empty]);
  for (const id of [one, other]) expect(datasets.get(id)).toMatchObject(await datasetsOf(db, id));
  expect(datasets.get(one)).toHaveLength(2);
  expect(datasets.get(empty)).toBeUndefined();
  expect(await datasetsOfOrders(db, [])).toEqual(new Map());
});

test("linkedFiles() gives what is there or may still arrive, nothing that failed", async () => {
  const id = await order();
  const states = ["PENDING", "AVAILABLE", "DOWNLOADED", "DOWNLOAD_ERROR", "ERROR", "PROCESSING_ERROR"];
  const files = (await Array.fromAsync(linkedFiles(db, id))).flat();
  expect(files).toHaveLength(9);
  for (const [i, state] of states.entries()) {
    await db`UPDATE order_files SET state = ${state} WHERE id = ${files[i]?.id ?? 0}`;
  }
  const left = (await Array.fromAsync(linkedFiles(db, id))).flat().map((file) => file.state);
  expect(left).toEqual(["PENDING", "AVAILABLE", "DOWNLOADED", "PENDING", "PENDING", "PENDING"]);
});
