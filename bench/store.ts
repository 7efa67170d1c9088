/**
 * How fast the store is with an order of a million files: appending, reporting, observing, listing, purging.
 * On the PostgreSQL that TEST_DATABASE_URL names, in a database of its own. `bun bench/store.ts [files]`; one figure per line.
 */

import { touchBlobs } from "#store/blob-rows.ts";
import {
  allFiles,
  appendSubOrders,
  availableFiles,
  type FileResult,
  type NewFile,
  type NewSubOrder,
  observeOrder,
  reportFiles,
} from "#store/files.ts";
import { findOrder, purgeFiles } from "#store/orders.ts";
import { schedulingView } from "#store/scheduling.ts";
import { NOW, newSubOrder, orderSpec, storedOrder, testStore } from "#test/support/store.ts";

const FILES = Number(process.argv[2] ?? 1_000_000);
const PER_SUB_ORDER = 500;
const SUB_ORDERS = Math.ceil(FILES / PER_SUB_ORDER);
const SUB_ORDERS_PER_STEP = 20;
const REPORTED = Math.min(FILES, 100_000);
const REPORT_BATCH = 500;
const WORKERS = 4;

const { db, drop } = await testStore("bench");
try {
  await run();
} finally {
  await drop();
}

async function run(): Promise<void> {
  const order = await storedOrder(db, { spec: orderSpec({ owner: "bench@example.org" }) });
  await append(order.id);
  await report(order.id);
  await observe(order.id);
  await poll(order.id);
  await manySubOrders();
  const purge = await seconds(() => purgeFiles(db, order.id));
  print("purge", `${rate(FILES, purge)} files/s`);
}

/** File rows as a real catalogue gives them: about 400 bytes each. */
function subOrder(number: number, files: number): NewSubOrder {
  const name = (i: number) => `S2A_MSIL2A_20260301T100000_N0511_R122_T32TQM_${number}_${i}`;
  const file = (given: NewFile, i: number): NewFile => ({
    ...given,
    productUrn: `URN:AIP:DATA:archive:${crypto.randomUUID()}:V1`,
    providerId: name(i),
    uri: `https://archive.example.org/products/2026/03/01/${name(i)}/GRANULE/IMG_DATA/B04.jp2`,
    filename: `${name(i)}_B04.jp2`,
    checksum: crypto.randomUUID().replaceAll("-", ""),
    algorithm: "MD5",
  });
  const plain = newSubOrder(number, files);
  return { ...plain, files: plain.files.map(file) };
}

async function append(orderId: number): Promise<void> {
  let spent = 0;
  for (let number = 1; number <= SUB_ORDERS; number += SUB_ORDERS_PER_STEP) {
    const numbers = Array.from(
      { length: Math.min(SUB_ORDERS_PER_STEP, SUB_ORDERS - number + 1) },
      (_, i) => number + i,
    );
    const subOrders = numbers.map((n) => subOrder(n, Math.min(PER_SUB_ORDER, FILES - (n - 1) * PER_SUB_ORDER)));
    const done = number + SUB_ORDERS_PER_STEP > SUB_ORDERS;
    const expectCursor = number === 1 ? undefined : number;
    const step = { expectCursor, cursor: number + SUB_ORDERS_PER_STEP, subOrders, products: 1, done, now: NOW };
    spent += await seconds(() => appendSubOrders(db, orderId, step));
  }
  print("append", `${rate(FILES, spent)} files/s (${FILES} files, ${SUB_ORDERS} sub-orders, one connection)`);
}

/** As workers do it: touch the blobs, then report the batch. */
async function report(orderId: number): Promise<void> {
  const rows = await db<{ id: number; subOrder: number }[]>`
    SELECT id, sub_order FROM order_files WHERE order_id = ${orderId} ORDER BY sub_order, id LIMIT ${REPORTED}`;
  const batches = [...Map.groupBy(rows, (row) => row.subOrder)].flatMap(([number, files]) =>
    Array.from({ length: Math.ceil(files.length / REPORT_BATCH) }, (_, i) => ({
      number,
      results: files.slice(i * REPORT_BATCH, (i + 1) * REPORT_BATCH).map(result),
    })),
  );
  let next = 0;
  const worker = async () => {
    for (let batch = batches[next++]; batch; batch = batches[next++]) {
      await touchBlobs(db, batch.results, { now: NOW });
      await reportFiles(db, orderId, batch.number, batch.results, { now: NOW });
    }
  };
  const spent = await seconds(() => Promise.all(Array.from({ length: WORKERS }, worker)));
  print(
    "report",
    `${rate(rows.length, spent)} file-state updates/s, with their blobs (batches of ${REPORT_BATCH}, ${WORKERS} workers; target 5000)`,
  );
}

function result({ id }: { id: number }): Extract<FileResult, { kind: "available" }> {
  const sha256 = new Bun.CryptoHasher("sha256").update(String(id)).digest("hex");
  return { id, kind: "available", sha256, size: 1000, crc32: id };
}

async function observe(orderId: number): Promise<void> {
  print(
    "observe",
    `${ms(await seconds(() => observeOrder(db, orderId)))} ms, ${REPORTED / PER_SUB_ORDER} sub-orders stale`,
  );
  print("observe", `${await median(() => observeOrder(db, orderId))} ms, none stale`);
  const [file] = await db<{ id: number; subOrder: number }[]>`
    SELECT id, sub_order FROM order_files WHERE order_id = ${orderId} AND state = 'PENDING' LIMIT 1`;
  const one = async () => {
    await db`UPDATE sub_orders SET changes = changes + 1 WHERE order_id = ${orderId} AND number <= 8`;
    return seconds(() => observeOrder(db, orderId));
  };
  if (file) print("observe", `${ms(await one())} ms, 8 stale`);
}

async function poll(orderId: number): Promise<void> {
  print("findOrder", `${await median(() => findOrder(db, orderId))} ms`);
  const size = 100;
  print(
    "availableFiles",
    `${await median(() => availableFiles(db, orderId, { page: 0, size }))} ms, first page of ${size}`,
  );
  const page = REPORTED / size - 1;
  print("availableFiles", `${await median(() => availableFiles(db, orderId, { page, size }))} ms, page ${page}`);
  const all = await seconds(() => Array.fromAsync(allFiles(db, orderId), (rows) => rows.length));
  print("allFiles", `${rate(REPORTED, all)} files/s`);
  print(
    "schedulingView",
    `${await median(() => schedulingView(db, NOW, { perOwner: 8 }))} ms, ${SUB_ORDERS} sub-orders`,
  );
}

/** What counts for observeOrder is the number of sub-orders, whatever their files. */
async function manySubOrders(): Promise<void> {
  const { id } = await storedOrder(db, { spec: orderSpec({ owner: "many@example.org" }) });
  const subOrders = Array.from({ length: 20_000 }, (_, i) => newSubOrder(i + 1, 1));
  await appendSubOrders(db, id, { expectCursor: undefined, cursor: 1, subOrders, products: 1, done: true, now: NOW });
  print("observe", `${await median(() => observeOrder(db, id))} ms, 20000 sub-orders`);
}

async function seconds(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await act();
  return (performance.now() - start) / 1000;
}

async function median(act: () => Promise<unknown>): Promise<string> {
  const times: number[] = [];
  for (let i = 0; i < 21; i++) times.push(await seconds(act));
  return ms(times.toSorted((a, b) => a - b)[10] ?? 0);
}

function ms(seconds: number): string {
  return (seconds * 1000).toFixed(1);
}

function rate(n: number, seconds: number): number {
  return Math.round(n / seconds);
}

function print(what: string, figure: string): void {
  console.log(`${what.padEnd(16)}${figure}`);
}
