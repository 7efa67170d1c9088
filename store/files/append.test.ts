import { afterAll, expect, test } from "bun:test";
import fc from "fast-check";
import { NOW, newFile, newSubOrder, orderSpec, storedOrder, testStore } from "#test/support/store.ts";
import { findOrder } from "../orders.ts";
import { type AppendOptions, appendSubOrders } from "./append.ts";
import { observeOrder } from "./observe.ts";
import { datasetsOf, takeFiles } from "./read.ts";
import { subOrdersOf } from "./sub-orders.ts";

const { db, drop } = await testStore("append");
afterAll(() => drop());

let users = 0;
const order = () => storedOrder(db, { spec: orderSpec({ owner: `user-${++users}@example.org` }) });

test("testMapping, appendSubOrders() adds a search step: cursor, datasets, sub-orders, files", async () => {
  const { id } = await order();
  const other = { urn: "URN:dataset:e", label: "d" };
  const subOrders = [
    newSubOrder(1, 3),
    newSubOrder(2, 1, { dataset: other, files: [newFile(7, { size: 5, checksum: "abc", algorithm: "MD5" })] }),
    newSubOrder(3, 2, { reference: true }),
  ];
  const step = { expectCursor: undefined, cursor: { after: 6 }, subOrders, products: 9, done: false, now: NOW };
  expect(await appendSubOrders(db, id, step)).toBe(true);
  expect(await findOrder(db, id)).toMatchObject({ cursor: { after: 6 }, productsFound: 9 });
  expect(await findOrder(db, id)).not.toHaveProperty("resolvedAt");
  expect(await datasetsOf(db, id)).toEqual([
    {
      id: expect.any(Number),
      datasetUrn: "URN:dataset:d",
      datasetLabel: "d",
      productsCount: 5,
      filesCount: 5,
      filesSize: 5000,
    },
    {
      id: expect.any(Number),
      datasetUrn: "URN:dataset:e",
      datasetLabel: "d",
      productsCount: 1,
      filesCount: 1,
      filesSize: 5,
    },
  ]);
  const rows = await subOrdersOf(db, id, { limit: 10 });
  expect(
    rows.map((row) => [row.number, row.state, row.reference, row.bytes, row.files.pending, row.files.available]),
  ).toEqual([
    [1, "Waiting", false, 3000, 3, 0],
    [2, "Waiting", false, 5, 1, 0],
    [3, "Succeeded", true, 2000, 0, 2],
  ]);
  expect(await takeFiles(db, id, 2, { limit: 10 })).toEqual([
    {
      id: expect.any(Number),
      productUrn: "URN:product:7",
      providerId: "product-7",
      fileType: "RAWDATA",
      uri: "https://archive.example.org/files/7",
      filename: "file-7.tif",
      mimeType: "image/tiff",
      size: 5,
      checksum: "abc",
      algorithm: "MD5",
    },
  ]);
});

test("P10: appendSubOrders() keeps datasets with the same label apart, and adds up steps of the same one", async () => {
  const { id } = await order();
  const step = (number: number, urn: string): AppendOptions => ({
    expectCursor: number === 1 ? undefined : number - 1,
    cursor: number,
    subOrders: [newSubOrder(number, 2, { dataset: { urn, label: "same" } })],
    products: 2,
    done: number === 3,
    now: NOW,
  });
  for (const [number, urn] of [
    [1, "a"],
    [2, "b"],
    [3, "a"],
  ] as const)
    await appendSubOrders(db, id, step(number, urn));
  const datasets = (await datasetsOf(db, id)).map((d) => [d.datasetUrn, d.productsCount, d.filesCount, d.filesSize]);
  expect(datasets).toEqual([
    ["a", 4, 4, 4000],
    ["b", 2, 2, 2000],
  ]);
  expect(await findOrder(db, id)).toMatchObject({ resolvedAt: NOW, productsFound: 6 });
});

test("P12: appendSubOrders() takes files of unknown and of no size", async () => {
  const { id } = await order();
  const { size, ...unknown } = newFile(1);
  const files = [unknown, newFile(2, { size: 0 })];
  const step = {
    expectCursor: undefined,
    cursor: 1,
    subOrders: [newSubOrder(1, 0, { files })],
    products: 2,
    done: true,
    now: NOW,
  };
  await appendSubOrders(db, id, step);
  expect(await observeOrder(db, id)).toMatchObject({ files: { total: 2, pending: 2 }, bytes: { total: 0 } });
  expect((await takeFiles(db, id, 1, { limit: 10 })).map((file) => file.size)).toEqual([undefined, 0]);
});

test("appendSubOrders() takes more files than a statement does", async () => {
  const { id } = await order();
  const step = {
    expectCursor: undefined,
    cursor: 1,
    subOrders: [newSubOrder(1, 12_001)],
    products: 12_001,
    done: true,
    now: NOW,
  };
  await appendSubOrders(db, id, step);
  expect((await observeOrder(db, id)).files.total).toBe(12_001);
});

test("appendSubOrders() writes nothing once the search is over", async () => {
  const { id } = await order();
  const last = {
    expectCursor: undefined,
    cursor: 1,
    subOrders: [newSubOrder(1, 1)],
    products: 1,
    done: true,
    now: NOW,
  };
  expect(await appendSubOrders(db, id, last)).toBe(true);
  expect(await appendSubOrders(db, id, { ...last, expectCursor: 1, cursor: 2, subOrders: [newSubOrder(2, 1)] })).toBe(
    false,
  );
  expect((await observeOrder(db, id)).files.total).toBe(1);
});

test("appendSubOrders() leaves nothing of a step that fails in its middle", async () => {
  const { id } = await order();
  const broken = newFile(2, { filename: "nul\0byte" });
  const subOrders = [newSubOrder(1, 3), newSubOrder(2, 0, { files: [broken] })];
  const step = { expectCursor: undefined, cursor: 1, subOrders, products: 4, done: false, now: NOW };
  await expect(appendSubOrders(db, id, step)).rejects.toThrow();
  expect(await findOrder(db, id)).not.toHaveProperty("cursor");
  expect((await observeOrder(db, id)).files.total).toBe(0);
});

test("appendSubOrders() does each step once, however often and by however many it is repeated", async () => {
  const repeats = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(repeats, async (times) => {
      const { id } = await order();
      for (const [i, atOnce] of times.entries()) {
        const subOrders = [newSubOrder(i + 1, 2)];
        const step: AppendOptions = {
          expectCursor: i === 0 ? undefined : { after: i, seen: ["x"] },
          cursor: { after: i + 1, seen: ["x"] },
          ...{ subOrders, products: 2, done: i === times.length - 1, now: NOW },
        };
        const rivals = await Promise.all(Array.from({ length: atOnce }, () => appendSubOrders(db, id, step)));
        expect(rivals.filter((written) => written)).toHaveLength(1);
        expect(await appendSubOrders(db, id, step)).toBe(false);
      }
      expect((await observeOrder(db, id)).files.total).toBe(2 * times.length);
      expect((await datasetsOf(db, id))[0]).toMatchObject({ filesCount: 2 * times.length });
      expect(await findOrder(db, id)).toMatchObject({ productsFound: 2 * times.length, resolvedAt: NOW });
    }),
    { numRuns: 15 },
  );
});
