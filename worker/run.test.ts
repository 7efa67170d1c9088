import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { pino } from "pino";
import { EXIT } from "#crds/names.ts";
import { BlobStoreFull } from "#store/blobs/blob-store.ts";
import { readSettings } from "#store/settings.ts";
import { type SubOrderWorld, subOrderWorld } from "#test/support/sub-order-world.ts";
import { RETRY_EXIT } from "./attempt.ts";
import { runWorker, type WorkerOptions } from "./run.ts";

const logger = pino({ level: "silent" });
const POLICY = { backoff: { baseMs: 1, maxMs: 5 }, tries: 3, stallMs: 2000, databasePatienceMs: 300 };
const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex");
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

let world: SubOrderWorld;
beforeAll(async () => {
  world = await subOrderWorld("worker_run");
});
afterAll(() => world.close());

async function run(orderId: number, options: Partial<WorkerOptions> = {}) {
  const { max_source_silence_seconds: _, ...settings } = await readSettings(world.db);
  return runWorker({
    db: world.db,
    blobs: world.blobs,
    orderId,
    number: 1,
    attempt: 1,
    settings: { ...settings, max_source_silence_seconds: 3600 },
    logger,
    now: () => new Date(),
    random: () => 0.5,
    policy: POLICY,
    signal: new AbortController().signal,
    ...options,
  });
}

/** Puts bytes at the source under a fresh path and gives what the catalogue says of them. */
function atSource(bytes: Uint8Array, more: object = {}) {
  const path = `/${crypto.randomUUID()}`;
  world.source.files.set(path, { bytes, ...more });
  return { uri: world.source.url + path, path };
}

describe("runWorker()", () => {
  test("runWorker() fetches, checks and stores every file of the sub-order", async () => {
    const contents = Array.from({ length: 20 }, (_, i) => randomBytes(1000 * i));
    const { orderId, ids } = await world.order(
      contents.map((bytes, i) => ({
        uri: atSource(bytes).uri,
        size: bytes.length,
        ...(i % 2 ? { checksum: md5(bytes), algorithm: "MD5" } : {}),
      })),
    );
    expect(await run(orderId)).toBe(0);
    for (const [i, id] of ids.entries()) {
      expect(await world.file(id)).toMatchObject({
        state: "AVAILABLE",
        sha256: sha256(contents[i]!),
        crc32: Bun.hash.crc32(contents[i]!),
      });
      expect((await world.bytesOf(id)).equals(contents[i]!)).toBe(true);
    }
  });

  test("runWorker() fails a file that differs from the catalogue, naming both values, after one more try", async () => {
    const bytes = randomBytes(100);
    const wrongSum = atSource(bytes);
    const wrongSize = atSource(bytes);
    const { orderId, ids } = await world.order([
      { uri: wrongSum.uri, checksum: "0".repeat(32), algorithm: "MD5" },
      { uri: wrongSize.uri, size: 101 },
      { uri: atSource(bytes).uri, size: 99 },
      { uri: atSource(bytes).uri },
    ]);
    expect(await run(orderId)).toBe(0);
    const [sum, size, long, good] = await Promise.all(ids.map((id) => world.file(id)));
    expect(sum).toMatchObject({
      state: "ERROR",
      error: `Checksum differs: the catalogue says MD5 ${"0".repeat(32)}, the source sent ${md5(bytes)}`,
    });
    expect(size).toMatchObject({ error: "Size differs: the catalogue says 101 bytes, the source sent 100 bytes" });
    expect(long).toMatchObject({ error: "Size differs: the catalogue says 99 bytes, the source sent 100 bytes" });
    expect(good?.state).toBe("AVAILABLE");
    expect(world.source.requests.filter((request) => request.path === wrongSum.path).length).toBe(2);
  });

  test("runWorker() takes a file whose first transfer was silently cut", async () => {
    const bytes = randomBytes(100);
    const short = atSource(bytes.subarray(0, 60));
    const { orderId, ids } = await world.order([{ uri: short.uri, checksum: md5(bytes), algorithm: "MD5" }]);
    const timer = setInterval(() => {
      if (!world.source.requests.some((request) => request.path === short.path)) return;
      clearInterval(timer);
      world.source.files.set(short.path, { bytes });
    }, 1);
    // The first answer is short; by the second try the source has the whole file.
    world.source.files.set(short.path, { bytes: bytes.subarray(0, 60), pace: { pieceBytes: 60, everyMs: 50 } });
    expect(await run(orderId)).toBe(0);
    expect((await world.file(ids[0]!)).state).toBe("AVAILABLE");
  });

  test("runWorker() leaves files that are not ready pending, does the others, and says so by its exit code", async () => {
    const ready = randomBytes(10);
    const waiting = atSource(ready, { first: [{ status: 202, headers: { "retry-after": "30" } }] });
    const { orderId, ids } = await world.order([{ uri: waiting.uri }, { uri: atSource(ready).uri }]);
    expect(await run(orderId)).toBe(EXIT.notReady);
    expect((await world.file(ids[0]!)).state).toBe("PENDING");
    expect((await world.file(ids[1]!)).state).toBe("AVAILABLE");
    const later = new Date(Date.now() + 31_000);
    expect(await run(orderId, { now: () => later })).toBe(0);
    expect((await world.file(ids[0]!)).state).toBe("AVAILABLE");
  });

  test("runWorker() does not ask a source before the time that it gave", async () => {
    const waiting = atSource(randomBytes(10), { first: [{ status: 202, headers: { "retry-after": "600" } }] });
    const { orderId } = await world.order([{ uri: waiting.uri }]);
    expect(await run(orderId)).toBe(EXIT.notReady);
    expect(await run(orderId)).toBe(EXIT.notReady);
    expect(world.source.requests.filter((request) => request.path === waiting.path).length).toBe(1);
  });

  test("runWorker() fails a file that its source has not made ready within the tenant's limit", async () => {
    const first = Array.from({ length: 3 }, () => ({ status: 202, headers: { "retry-after": "100" } }));
    const { orderId, ids } = await world.order([{ uri: atSource(randomBytes(10), { first }).uri }]);
    expect(await run(orderId)).toBe(EXIT.notReady);
    const later = new Date(Date.now() + 3601_000);
    expect(await run(orderId, { now: () => later })).toBe(0);
    expect(await world.file(ids[0]!)).toMatchObject({
      state: "ERROR",
      error: expect.stringContaining("Source had not made the file ready after 3600 s"),
    });
  });

  test("runWorker() does not fetch again what is stored under the SHA-256 that the catalogue gives", async () => {
    const bytes = randomBytes(5000);
    const first = atSource(bytes);
    const second = atSource(bytes);
    const one = await world.order([{ uri: first.uri }]);
    expect(await run(one.orderId)).toBe(0);
    const two = await world.order([{ uri: second.uri, checksum: `1220${sha256(bytes)}`, algorithm: "multihash" }]);
    expect(await run(two.orderId)).toBe(0);
    expect(await world.file(two.ids[0]!)).toMatchObject({
      state: "AVAILABLE",
      size: 5000,
      crc32: Bun.hash.crc32(bytes),
    });
    expect(world.source.requests.filter((request) => request.path === second.path)).toEqual([]);
  });

  test("runWorker() fetches again what is stored but damaged", async () => {
    const bytes = randomBytes(5000);
    const one = await world.order([{ uri: atSource(bytes).uri }]);
    expect(await run(one.orderId)).toBe(0);
    await Bun.write(world.blobs.path?.(sha256(bytes)) ?? "", bytes.subarray(0, 10));
    const two = await world.order([{ uri: atSource(bytes).uri, checksum: sha256(bytes), algorithm: "SHA-256" }]);
    expect(await run(two.orderId)).toBe(0);
    expect((await world.bytesOf(two.ids[0]!)).equals(bytes)).toBe(true);
  });

  test("runWorker() refuses what the tenant's settings do not allow, with the reason at the file", async () => {
    const { orderId, ids } = await world.order([
      { uri: "http://169.254.169.254/latest/meta-data" },
      { uri: "file:///etc/passwd" },
      { uri: "gopher://example.org/1" },
      { uri: "no uri at all" },
    ]);
    expect(await run(orderId)).toBe(0);
    const errors = await Promise.all(ids.map(async (id) => (await world.file(id)).error));
    expect(errors).toEqual([
      expect.stringContaining("private or reserved"),
      expect.stringContaining("not below an allowed folder"),
      expect.stringContaining("scheme 'gopher' is not allowed"),
      expect.stringContaining("it is no URI"),
    ]);
  });

  test("runWorker() reads files below the folders that are allowed", async () => {
    const settings = await readSettings(world.db);
    const { orderId, ids } = await world.order([{ uri: `file://${import.meta.path}` }]);
    expect(await run(orderId, { settings: { ...settings, allowed_file_roots: [import.meta.dir] } })).toBe(0);
    expect((await world.bytesOf(ids[0]!)).toString()).toBe(await Bun.file(import.meta.path).text());
  });

  test("runWorker() says that a sub-order that is not there can never work", async () => {
    expect(await run(999_999)).toBe(EXIT.unusable);
  });

  test("runWorker() leaves a sub-order to the attempt that it belongs to", async () => {
    const { orderId, ids } = await world.order([{ uri: atSource(randomBytes(10)).uri }]);
    expect(await run(orderId, { attempt: 2 })).toBe(EXIT.unusable);
    expect((await world.file(ids[0]!)).state).toBe("PENDING");
  });

  test("runWorker() stops at a full disk without blaming a file, and is complete once there is room", async () => {
    const contents = Array.from({ length: 30 }, () => randomBytes(2000));
    const { orderId, ids } = await world.order(contents.map((bytes) => ({ uri: atSource(bytes).uri })));
    let room = 10;
    const full: typeof world.blobs = {
      ...world.blobs,
      stage: async (key) => {
        const staging = await world.blobs.stage(key);
        return new Proxy(staging, {
          get: (target, name) => {
            if (name === "write" && room-- <= 0) return () => Promise.reject(new BlobStoreFull(world.blobsUrl));
            const value = Reflect.get(target, name);
            return typeof value === "function" ? value.bind(target) : value;
          },
        });
      },
    };
    expect(await run(orderId, { blobs: full })).toBe(RETRY_EXIT.storage);
    const states = await Promise.all(ids.map(async (id) => (await world.file(id)).state));
    expect(states.filter((state) => state === "AVAILABLE").length).toBe(10);
    expect(states.filter((state) => state === "PENDING").length).toBe(20);
    expect(await run(orderId)).toBe(0);
    expect(await world.available(orderId)).toBe(30);
  });

  test("runWorker() stops when told to, reports what is done and goes on later from the byte it reached", async () => {
    const bytes = randomBytes(400_000);
    const slow = atSource(bytes, { etag: '"1"', pace: { pieceBytes: 20_000, everyMs: 25 } });
    const quick = randomBytes(10);
    const { orderId, ids } = await world.order([
      { uri: atSource(quick).uri },
      { uri: slow.uri, checksum: md5(bytes), algorithm: "MD5" },
    ]);
    const stop = new AbortController();
    const before = world.source.sent();
    const running = run(orderId, { signal: stop.signal });
    const limit = Date.now() + 5000;
    while (world.source.sent() - before < 100_000 && Date.now() < limit) await Bun.sleep(5);
    stop.abort();
    expect(await running).toBe(EXIT.stopped);
    expect((await world.file(ids[0]!)).state).toBe("AVAILABLE");
    world.source.files.set(slow.path, { bytes, etag: '"1"' });
    expect(await run(orderId)).toBe(0);
    expect((await world.bytesOf(ids[1]!)).equals(bytes)).toBe(true);
    const ranges = world.source.requests
      .filter((request) => request.path === slow.path)
      .map((request) => request.range);
    expect(ranges).toEqual([undefined, expect.stringMatching(/^bytes=[1-9]\d{4,}-$/)]);
  });

  test("runWorker() goes on with a large file without checksum when the source still has the same version", async () => {
    const bytes = randomBytes(9_000_000);
    const slow = atSource(bytes, { etag: '"1"', pace: { pieceBytes: 200_000, everyMs: 20 } });
    const { orderId, ids } = await world.order([{ uri: slow.uri, size: bytes.length }]);
    const stop = new AbortController();
    const before = world.source.sent();
    const running = run(orderId, { signal: stop.signal });
    const limit = Date.now() + 5000;
    while (world.source.sent() - before < 1_000_000 && Date.now() < limit) await Bun.sleep(5);
    stop.abort();
    expect(await running).toBe(EXIT.stopped);
    world.source.files.set(slow.path, { bytes, etag: '"1"' });
    expect(await run(orderId)).toBe(0);
    expect((await world.bytesOf(ids[0]!)).equals(bytes)).toBe(true);
    expect(world.source.requests.filter((request) => request.path === slow.path).at(-1)).toMatchObject({
      range: expect.stringMatching(/^bytes=[1-9]/),
      ifRange: '"1"',
    });
  });
});
