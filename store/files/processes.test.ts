/** Sub-orders with a process: their inputs are nobody's files, and what is published takes the place of one row. */
import { afterAll, expect, test } from "bun:test";
import { temporaryFolder } from "#test/support/folder.ts";
import { NOW, newFile, newSubOrder, orderSpec, storedOrder, testStore } from "#test/support/store.ts";
import { collectBlobs, touchBlobs } from "../blob-rows.ts";
import { folderBlobStore } from "../blobs/folder.ts";
import {
  againSubOrder,
  allFiles,
  appendSubOrders,
  cancelPending,
  datasetsOf,
  endSubOrder,
  failOutputs,
  findFile,
  inputsOf,
  type Output,
  observeOrder,
  patienceOf,
  publishOutputs,
  reportFiles,
  retryFailed,
  subOrdersOf,
  takeFiles,
  wantInputs,
} from "../files.ts";
import { purgeFiles } from "../orders.ts";
import { startSubOrders } from "../scheduling.ts";

const { db, drop } = await testStore("processes");
const folder = temporaryFolder("processes");
const blobs = await folderBlobStore(folder.path);
afterAll(async () => {
  await drop();
  folder.remove();
});

const [SHA_A, SHA_B, GONE] = ["aa", "bb", "cc"].map((two) => two.repeat(32)) as [string, string, string];
await touchBlobs(
  db,
  [SHA_A, SHA_B].map((sha256) => ({ sha256, size: 7 })),
  { now: NOW },
);

const PROCESS = { name: "crop", parameters: { width: 10 }, scope: "SubOrder" } as const;
const out = (filename: string, sha256 = SHA_A): Output => ({
  filename,
  mimeType: "image/tiff",
  size: 7,
  crc32: 1,
  sha256,
});
const available = (id: number, sha256 = SHA_A) => ({ id, kind: "available", sha256, size: 7, crc32: 1 }) as const;

let users = 0;
/** Sub-order 1 with a process and three inputs, running; 2 with one for a single product; 3 with two plain files. */
async function prepared() {
  const { id } = await storedOrder(db, { spec: orderSpec({ owner: `user-${++users}@example.org` }) });
  const ofProduct = [newFile(7, { size: 20 }), newFile(7, { filename: "other.tif", reference: true })];
  const subOrders = [
    newSubOrder(1, 3, { process: PROCESS }),
    newSubOrder(2, 0, { files: ofProduct, process: { ...PROCESS, scope: "Product" } }),
    newSubOrder(3, 2),
  ];
  await appendSubOrders(db, id, { expectCursor: undefined, cursor: 1, subOrders, products: 6, done: true, now: NOW });
  await startSubOrders(db, [{ orderId: id, number: 1 }], { now: NOW });
  return id;
}

async function filesOf(orderId: number) {
  const rows = (await Array.fromAsync(allFiles(db, orderId))).flat();
  return rows.map(({ subOrder, filename, fileType, state, size }) => [subOrder, filename, fileType, state, size]);
}
const subOrder = async (id: number, number = 1) => (await subOrdersOf(db, id, { after: number - 1, limit: 1 }))[0];
const inputIds = async (id: number) => (await inputsOf(db, id, 1)).map((input) => input.id);

test("appendSubOrders() shows one pending output for the inputs of a run, as big as they are", async () => {
  const id = await prepared();
  const run = `order-${id}_subOrder-1`;
  expect(await filesOf(id)).toEqual([
    [1, run, "OTHER", "PENDING", 3000],
    [2, "product-7", "OTHER", "PENDING", 1020],
    [3, expect.any(String), "RAWDATA", "PENDING", 1000],
    [3, expect.any(String), "RAWDATA", "PENDING", 1000],
  ]);
  expect(await subOrder(id)).toMatchObject({ process: PROCESS, reference: false, bytes: 3000, files: { total: 1 } });
  expect(await subOrder(id, 3)).not.toHaveProperty("process");
  expect(await observeOrder(db, id)).toMatchObject({ files: { total: 4, pending: 4 }, bytes: { total: 6020 } });
  expect(await datasetsOf(db, id)).toMatchObject([{ productsCount: 6, filesCount: 4, filesSize: 6020 }]);
  expect((await inputsOf(db, id, 2)).map(({ filename, state, size }) => [filename, state, size])).toEqual([
    ["file-7.tif", "PENDING", 20],
    ["other.tif", "PENDING", 1000],
  ]);
});

test("reportFiles() tells what became of inputs, and takeFiles() gives those that are wanted still", async () => {
  const id = await prepared();
  const [a = 0, b = 0, c = 0] = await inputIds(id);
  const take = async () => (await takeFiles(db, id, 1, { of: "process_inputs", limit: 10 })).map((file) => file.id);
  expect(await take()).toEqual([a, b, c]);
  const retryAfter = new Date(NOW.getTime() + 60_000);
  const results = [
    available(a),
    { id: b, kind: "failed", error: "no" },
    { id: c, kind: "notReady", retryAfter },
  ] as const;
  await reportFiles(db, id, 1, results, { of: "process_inputs", now: NOW });
  expect((await inputsOf(db, id, 1)).map(({ state, sha256, error }) => [state, sha256, error])).toEqual([
    ["AVAILABLE", SHA_A, undefined],
    ["ERROR", undefined, "no"],
    ["PENDING", undefined, undefined],
  ]);
  expect(await take()).toEqual([c]);
  expect(await patienceOf(db, id, 1)).toEqual({ readyAt: retryAfter, silentSince: NOW });
  await wantInputs(db, id, [a, b]);
  expect(await take()).toEqual([a, c]);
  expect((await observeOrder(db, id)).files).toMatchObject({ total: 4, pending: 4 });
});

test("publishOutputs() puts the outputs in the place of the placeholder: its row is the first of them", async () => {
  const id = await prepared();
  const [row] = (await Array.fromAsync(allFiles(db, id))).flat();
  const outputs = [out("b.tif"), out("a.txt", SHA_B), out("b.tif", SHA_B)];
  expect(await publishOutputs(db, id, 1, { attempt: 1, outputs, message: "one input less", now: NOW })).toBe(
    "published",
  );
  expect((await filesOf(id)).slice(0, 3)).toEqual([
    [1, "b.tif", "OTHER", "AVAILABLE", 7],
    [1, "a.txt", "OTHER", "AVAILABLE", 7],
    [1, "b.tif", "OTHER", "AVAILABLE", 7],
  ]);
  expect(await findFile(db, row?.id ?? 0)).toMatchObject({
    filename: "b.tif",
    mimeType: "image/tiff",
    sha256: SHA_A,
    crc32: 1,
  });
  expect(await subOrder(id)).toMatchObject({ message: "one input less", files: { total: 3, available: 3 }, bytes: 21 });
  expect(await observeOrder(db, id)).toMatchObject({
    files: { total: 6, pending: 3 },
    bytes: { total: 3041, available: 21 },
  });
  await endSubOrder(db, id, 1, { attempt: 1, state: "Succeeded", now: NOW });
  expect(await subOrder(id)).toMatchObject({ state: "Succeeded", message: "one input less" });
  expect(await inputsOf(db, id, 1)).toEqual([]);
});

test("publishOutputs() counts the outputs for their dataset in the place of what they were taken for, once", async () => {
  const id = await prepared();
  const counted = async () => {
    const { files, bytes } = await observeOrder(db, id);
    const [dataset, ...others] = await datasetsOf(db, id);
    expect([dataset, others]).toMatchObject([
      { filesCount: files.total, filesSize: bytes.total, productsCount: 6 },
      [],
    ]);
    return [files.total, bytes.total];
  };
  expect(await counted()).toEqual([4, 6020]);
  const publish = (number: number, outputs: readonly Output[]) =>
    publishOutputs(db, id, number, { attempt: 1, outputs, now: NOW });
  await startSubOrders(db, [{ orderId: id, number: 2 }], { now: NOW });
  const three = [out("a"), out("b", SHA_B), out("c")];
  await Promise.all([publish(1, three), publish(1, three), publish(2, [out("d")]), publish(1, [out("e", GONE)])]);
  expect(await counted()).toEqual([6, 2000 + 4 * 7]);
  await purgeFiles(db, id);
  expect(await datasetsOf(db, id)).toMatchObject([{ filesCount: 6, filesSize: 2028 }]);
});

test("0031: orders from before count what they show from now on, if it is still there", async () => {
  const [published, untouched, purged] = [await prepared(), await prepared(), await prepared()];
  await publishOutputs(db, published, 1, { attempt: 1, outputs: [out("a"), out("b", SHA_B)], now: NOW });
  await purgeFiles(db, purged);
  await db`UPDATE order_datasets SET files_count = 7, files_size = 6020`;
  await db.unsafe(await Bun.file(new URL("../migrations/0031_dataset_outputs.sql", import.meta.url)).text());
  const counted = async (id: number) => (await datasetsOf(db, id)).map((d) => [d.filesCount, d.filesSize]);
  expect(await counted(published)).toEqual([[5, 3034]]);
  expect(await counted(untouched)).toEqual([[4, 6020]]);
  expect(await counted(purged)).toEqual([[7, 6020]]);
});

test("failOutputs() leaves what is counted for the dataset as it is shown: one file that failed", async () => {
  const id = await prepared();
  await failOutputs(db, id, 1, { attempt: 1, reason: "no", now: NOW });
  expect(await observeOrder(db, id)).toMatchObject({ files: { total: 4, failed: 1 } });
  expect(await datasetsOf(db, id)).toMatchObject([{ filesCount: 4, filesSize: 6020 }]);
});

test("publishOutputs() writes once, for the attempt that runs, and nothing without all of the blobs", async () => {
  const id = await prepared();
  const publish = (attempt: number, outputs: readonly Output[]) =>
    publishOutputs(db, id, 1, { attempt, outputs, now: NOW });
  expect(await publish(2, [out("a")])).toBe("stale");
  const before = await subOrder(id);
  expect(await publish(1, [out("a"), out("b", GONE)])).toBe("blobMissing");
  expect(await subOrder(id)).toEqual(before);
  const both = await Promise.all([publish(1, [out("a"), out("b", SHA_B)]), publish(1, [out("a"), out("b", SHA_B)])]);
  expect(both.sort()).toEqual(["before", "published"]);
  expect((await filesOf(id)).filter(([number]) => number === 1)).toHaveLength(2);
  const other = await prepared();
  await againSubOrder(db, other, 1, { attempt: 1, now: NOW });
  expect(await publishOutputs(db, other, 1, { attempt: 1, outputs: [out("late")], now: NOW })).toBe("stale");
  expect(await publishOutputs(db, other, 3, { attempt: 1, outputs: [out("plain")], now: NOW })).toBe("stale");
  expect(await filesOf(other)).toHaveLength(4);
});

test("publishOutputs() takes more outputs than a search step has files", async () => {
  const id = await prepared();
  const outputs = Array.from({ length: 10_000 }, (_, i) => out(`${i}.bin`));
  expect(await publishOutputs(db, id, 1, { attempt: 1, outputs, now: NOW })).toBe("published");
  const names = (await filesOf(id)).filter(([number]) => number === 1).map(([, name]) => name);
  expect(names).toEqual(outputs.map(({ filename }) => filename));
});

test("P27: failOutputs() ends a run without outputs, for a reason that is told", async () => {
  const id = await prepared();
  expect(await failOutputs(db, id, 1, { attempt: 2, reason: "no", now: NOW })).toBe(false);
  expect(await failOutputs(db, id, 1, { attempt: 1, reason: "It gave no output", now: NOW })).toBe(true);
  expect(await failOutputs(db, id, 1, { attempt: 1, reason: "again", now: NOW })).toBe(false);
  const [row] = (await Array.fromAsync(allFiles(db, id))).flat();
  expect(row).toMatchObject({ state: "PROCESSING_ERROR", error: "It gave no output" });
  expect(await subOrder(id)).toMatchObject({ message: "It gave no output", files: { failed: 1, pending: 0 } });
  expect(await publishOutputs(db, id, 1, { attempt: 1, outputs: [out("late")], now: NOW })).toBe("before");
});

test("endSubOrder() and cancelPending() fail outputs as PROCESSING_ERROR, and a retry leaves them alone", async () => {
  const id = await prepared();
  await endSubOrder(db, id, 1, { attempt: 1, state: "Failed", failPending: "exit code 3", now: NOW });
  await cancelPending(db, id, { reason: "Cancelled", now: NOW });
  const states = (await filesOf(id)).map(([number, , , state]) => [number, state]);
  expect(states).toEqual([
    [1, "PROCESSING_ERROR"],
    [2, "PROCESSING_ERROR"],
    [3, "ERROR"],
    [3, "ERROR"],
  ]);
  expect(await inputsOf(db, id, 2)).toEqual([]);
  expect(await retryFailed(db, id, { retry: 1, now: NOW })).toBe(2);
  expect((await subOrdersOf(db, id, { limit: 3 })).map(({ state }) => state)).toEqual(["Failed", "Failed", "Waiting"]);
});

test("cancelPending() leaves a running process its inputs: its worker may be reading them", async () => {
  const id = await prepared();
  await cancelPending(db, id, { reason: "Cancelled", now: NOW });
  expect(await inputsOf(db, id, 1)).toHaveLength(3);
  expect(await publishOutputs(db, id, 1, { attempt: 1, outputs: [out("late")], now: NOW })).toBe("before");
  await endSubOrder(db, id, 1, { attempt: 1, state: "Failed", now: NOW });
  expect(await inputsOf(db, id, 1)).toEqual([]);
});

test("collectBlobs() keeps inputs until their sub-order ends; purgeFiles() gives all of them back", async () => {
  const sha256 = "dd".repeat(32);
  const exists = async () => (await db`SELECT FROM blobs WHERE sha256 = decode(${sha256}, 'hex')`).count;
  const collect = () => collectBlobs(db, blobs, { now: new Date(NOW.getTime() + 3_600_000), unusedFor: 1000 });
  const fetched = async () => {
    const id = await prepared();
    const [first = 0] = await inputIds(id);
    await touchBlobs(db, [{ sha256, size: 7 }], { now: NOW });
    await reportFiles(db, id, 1, [available(first, sha256)], { of: "process_inputs", now: NOW });
    await collect();
    expect(await exists()).toBe(1);
    return id;
  };
  const id = await fetched();
  await endSubOrder(db, id, 1, { attempt: 1, state: "Succeeded", now: NOW });
  await collect();
  expect(await exists()).toBe(0);
  const other = await fetched();
  await purgeFiles(db, other);
  await collect();
  expect(await exists()).toBe(0);
  expect((await db`SELECT FROM process_inputs WHERE order_id = ${other}`).count).toBe(0);
});
