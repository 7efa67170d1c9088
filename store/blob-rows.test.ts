import { afterAll, beforeEach, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { eventually } from "#test/support/eventually.ts";
import { temporaryFolder } from "#test/support/folder.ts";
import { NOW, newSubOrder, storedOrder, testStore } from "#test/support/store.ts";
import { collectBlobs, findBlobs, touchBlobs } from "./blob-rows.ts";
import type { BlobStore } from "./blobs/blob-store.ts";
import { folderBlobStore } from "./blobs/folder.ts";
import { appendSubOrders, findFile, reportFiles } from "./files.ts";
import { purgeFiles } from "./orders.ts";

const { db, drop } = await testStore("blob-rows");
const folder = temporaryFolder("blob-rows");
const blobs = await folderBlobStore(folder.path);
afterAll(async () => {
  await drop();
  folder.remove();
});
beforeEach(async () => {
  await db`TRUNCATE orders, sub_orders, order_files, blobs CASCADE`;
  await db`UPDATE blob_space SET bytes = 0`;
  for await (const { sha256 } of blobs.list()) await blobs.remove(sha256);
});

const HOUR = 3_600_000;
const after = (hours: number) => new Date(NOW.getTime() + hours * HOUR);
const collect = (now: Date, store: BlobStore = blobs) => collectBlobs(db, store, { now, unusedFor: HOUR });

/** What a worker does once it has the bytes. */
async function publish(content: string, now: Date): Promise<string> {
  const sha256 = createHash("sha256").update(content).digest("hex");
  const staging = await blobs.stage(crypto.randomUUID());
  await staging.write(Buffer.from(content));
  await touchBlobs(db, [{ sha256, size: content.length }], { now });
  await staging.commit(sha256);
  return sha256;
}

async function orderWithFile() {
  const { id } = await storedOrder(db);
  const step = {
    expectCursor: undefined,
    cursor: 1,
    subOrders: [newSubOrder(1, 1)],
    products: 1,
    done: true,
    now: NOW,
  };
  await appendSubOrders(db, id, step);
  const [file] = await db<{ id: number }[]>`SELECT id FROM order_files WHERE order_id = ${id}`;
  return { id, file: file?.id ?? 0 };
}

const available = (id: number, sha256: string) => ({ id, kind: "available", sha256, size: 5, crc32: 1 }) as const;
const space = async () => (await db<{ bytes: number }[]>`SELECT bytes FROM blob_space`)[0]?.bytes;
const summed = async () => (await db<{ n: number }[]>`SELECT coalesce(sum(size), 0)::bigint AS n FROM blobs`)[0]?.n;

test("collectBlobs() removes blobs that no file refers to once they were not used for long enough", async () => {
  const [used, unused] = [await publish("used", NOW), await publish("unused", NOW)];
  const { id, file } = await orderWithFile();
  await reportFiles(db, id, 1, [available(file, used)], { now: NOW });
  expect(await collect(after(1))).toEqual({ blobs: 0, bytes: 0 });
  expect(await collect(after(2))).toEqual({ blobs: 1, bytes: 6 });
  expect([await blobs.size(used), await blobs.size(unused)]).toEqual([4, undefined]);
  expect(await space()).toBe(4);
  await purgeFiles(db, id);
  expect(await collect(after(2))).toEqual({ blobs: 1, bytes: 4 });
  expect(await blobs.size(used)).toBeUndefined();
  expect([await space(), await summed()]).toEqual([0, 0]);
});

test("collectBlobs() keeps a blob as long as one of several orders has it", async () => {
  const sha256 = await publish("bytes", NOW);
  const orders = [await orderWithFile(), await orderWithFile()];
  for (const { id, file } of orders) await reportFiles(db, id, 1, [available(file, sha256)], { now: NOW });
  await purgeFiles(db, orders[0]?.id ?? 0);
  expect((await collect(after(9))).blobs).toBe(0);
  await purgeFiles(db, orders[1]?.id ?? 0);
  expect((await collect(after(9))).blobs).toBe(1);
});

test("touchBlobs() and findBlobs() keep the collector away, and count each blob's bytes once", async () => {
  const sha256 = await publish("bytes", NOW);
  await touchBlobs(
    db,
    [
      { sha256, size: 5 },
      { sha256, size: 5 },
    ],
    { now: after(2) },
  );
  expect((await collect(after(3))).blobs).toBe(0);
  expect(await findBlobs(db, [sha256, "0".repeat(64)], { now: after(5) })).toEqual([{ sha256, size: 5 }]);
  expect((await collect(after(6))).blobs).toBe(0);
  expect([await space(), await summed()]).toEqual([5, 5]);
  await touchBlobs(db, [{ sha256, size: 5 }], { now: NOW });
  expect((await collect(after(6))).blobs).toBe(0);
  expect((await collect(after(7))).blobs).toBe(1);
});

test("collectBlobs() and a worker that publishes the same blob: the worker comes second and its bytes stay", async () => {
  const sha256 = await publish("bytes", NOW);
  const { id, file } = await orderWithFile();
  let publishing: Promise<unknown> | undefined;
  const slow: BlobStore = {
    ...blobs,
    async remove(name) {
      publishing = publish("bytes", after(9));
      await eventually("the worker waits for the collector", async () => {
        const waiting =
          await db`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
        return waiting.count > 0;
      });
      await blobs.remove(name);
    },
  };
  expect((await collect(after(9), slow)).blobs).toBe(1);
  await publishing;
  await reportFiles(db, id, 1, [available(file, sha256)], { now: after(9) });
  expect(await findFile(db, file)).toMatchObject({ state: "AVAILABLE", sha256 });
  expect(await blobs.size(sha256)).toBe(5);
  expect([await space(), await summed()]).toEqual([5, 5]);
});

test("collectBlobs() and a worker that reports the blob late: either the file is available or the blob is gone, never both", async () => {
  for (let round = 0; round < 20; round++) {
    const sha256 = await publish(`bytes ${round}`, NOW);
    const { id, file } = await orderWithFile();
    await Promise.all([reportFiles(db, id, 1, [available(file, sha256)], { now: after(9) }), collect(after(9))]);
    const state = (await findFile(db, file))?.state;
    expect([state, (await blobs.size(sha256)) !== undefined]).toEqual(
      state === "AVAILABLE" ? [state, true] : ["PENDING", false],
    );
  }
});

test("collectBlobs() lets go of a blob that a worker touched after it was found unused", async () => {
  const many = Array.from({ length: 150 }, (_, i) => ({ sha256: `${i}`.padStart(64, "0"), size: 1 }));
  const last = many.slice(-1);
  await touchBlobs(db, many, { now: NOW });
  let touched = false;
  const meanwhile: BlobStore = {
    ...blobs,
    async remove() {
      if (!touched) await touchBlobs(db, last, { now: after(9) });
      touched = true;
    },
  };
  expect((await collect(after(9), meanwhile)).blobs).toBe(149);
  expect(
    await findBlobs(
      db,
      last.map((blob) => blob.sha256),
      { now: after(9) },
    ),
  ).toEqual(last);
});

test("collectBlobs() whose store fails keeps the rows, and does it the next time", async () => {
  const sha256 = await publish("bytes", NOW);
  const broken: BlobStore = { ...blobs, remove: () => Promise.reject(new Error("Cannot remove: disk error")) };
  await expect(collect(after(9), broken)).rejects.toThrow("Cannot remove: disk error");
  expect([await space(), await blobs.size(sha256)]).toEqual([5, 5]);
  expect((await collect(after(9))).blobs).toBe(1);
});

test("collectBlobs() adopts bytes without a row when it is asked to", async () => {
  const sha256 = await publish("bytes", NOW);
  await db`DELETE FROM blobs`;
  await db`UPDATE blob_space SET bytes = 0`;
  const now = new Date(Date.now() + 2 * HOUR);
  expect((await collect(now)).blobs).toBe(0);
  expect(await collectBlobs(db, blobs, { now, unusedFor: HOUR, adopt: true })).toEqual({ blobs: 1, bytes: 5 });
  expect(await blobs.size(sha256)).toBeUndefined();
});

test("collectBlobs() removes more than a batch, and touchBlobs() takes many at once", async () => {
  const many = Array.from({ length: 250 }, (_, i) => ({
    sha256: createHash("sha256").update(`${i}`).digest("hex"),
    size: i,
  }));
  await touchBlobs(db, many, { now: NOW });
  expect(await space()).toBe((250 * 249) / 2);
  expect(await collect(after(2))).toEqual({ blobs: 250, bytes: (250 * 249) / 2 });
  expect(await space()).toBe(0);
});
