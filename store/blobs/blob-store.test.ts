/** What every blob store must do, run against a folder and against a real S3 server. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { testS3 } from "#test/support/s3.ts";
import { BlobMissing, type BlobStore } from "./blob-store.ts";
import { openBlobStore } from "./open.ts";

const home = await mkdtemp(join(tmpdir(), "test-blobs-"));
const s3 = await testS3();
afterAll(async () => {
  await s3?.stop();
  await rm(home, { recursive: true });
});

const stores: Record<string, (() => Promise<BlobStore>) | undefined> = {
  folder: () => openBlobStore(pathToFileURL(join(home, "folder with space")).href, {}),
  s3:
    s3 &&
    (() =>
      openBlobStore(`s3://${s3.bucket}/a prefix/x`, {
        ORDER_HOME: home,
        ORDER_S3_ENDPOINT: s3.endpoint,
        ORDER_S3_ACCESS_KEY_ID: s3.accessKeyId,
        ORDER_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
      })),
};

for (const [kind, open] of Object.entries(stores)) {
  describe.skipIf(!open)(`blob store: ${kind}`, () => {
    let blobs: BlobStore;
    beforeAll(async () => {
      if (open) blobs = await open();
    });

    test("commit() makes the bytes a blob that can be read, measured, listed and removed", async () => {
      const bytes = randomBytes(100_000);
      const sha256 = await put(blobs, "source-1", bytes);
      expect(await blobs.size(sha256)).toBe(bytes.length);
      expect(await read(blobs, sha256)).toEqual(bytes);
      expect((await Array.fromAsync(blobs.list())).map((blob) => [blob.sha256, blob.size])).toEqual([
        [sha256, bytes.length],
      ]);
      await blobs.remove(sha256);
      await blobs.remove(sha256);
      expect(await blobs.size(sha256)).toBeUndefined();
      expect(await Array.fromAsync(blobs.list())).toEqual([]);
    });

    test("open() gives ranges, end exclusive and cut at the blob's end", async () => {
      const bytes = randomBytes(5_000);
      const sha256 = await put(blobs, "ranges", bytes);
      for (const [start, end] of [
        [0, 1],
        [1, 3],
        [4_999, 5_000],
        [4_000, 9_000],
        [0, 5_000],
        [3, 3],
      ] as const) {
        expect(await read(blobs, sha256, { start, end })).toEqual(bytes.subarray(start, end));
      }
    });

    test("open() of an unknown blob throws BlobMissing", async () => {
      await expect(blobs.open("0".repeat(64))).rejects.toBeInstanceOf(BlobMissing);
    });

    test("a blob may be empty", async () => {
      const sha256 = await put(blobs, "empty", new Uint8Array(0));
      expect(await blobs.size(sha256)).toBe(0);
      expect(await read(blobs, sha256)).toEqual(Buffer.alloc(0));
    });

    test("a blob larger than a part comes back whole, and to a slow reader too", async () => {
      const bytes = randomBytes(20_000_000);
      const sha256 = await put(blobs, "large", bytes);
      const hash = createHash("sha256");
      for await (const chunk of await blobs.open(sha256)) hash.update(chunk);
      expect(hash.digest("hex")).toBe(sha256);
    });

    test("commit() twice, or of a blob that is there already, is harmless", async () => {
      const bytes = randomBytes(1_000);
      const sha256 = await put(blobs, "twice", bytes);
      const staging = await blobs.stage("the same from elsewhere");
      await staging.write(bytes);
      await staging.commit(sha256);
      await staging.commit(sha256);
      expect(await read(blobs, sha256)).toEqual(bytes);
    });

    test("stage() goes on where kept bytes end", async () => {
      const bytes = randomBytes(300_000);
      const first = await blobs.stage("kept");
      await first.write(bytes.subarray(0, 100_000));
      await first.keep();
      const second = await blobs.stage("kept");
      expect(second.size).toBe(100_000);
      expect(Buffer.from(await new Response(second.read()).arrayBuffer())).toEqual(bytes.subarray(0, 100_000));
      await second.write(bytes.subarray(100_000));
      await second.commit(sha256Of(bytes));
      expect(await read(blobs, sha256Of(bytes))).toEqual(bytes);
      const third = await blobs.stage("kept");
      expect(third.size).toBe(0);
      await third.abandon();
    });

    test("truncate() and abandon() forget the bytes", async () => {
      const staging = await blobs.stage("forget");
      await staging.write(randomBytes(10));
      await staging.truncate();
      expect(staging.size).toBe(0);
      await staging.write(Buffer.from("new"));
      await staging.keep();
      const next = await blobs.stage("forget");
      expect(await new Response(next.read()).text()).toBe("new");
      await next.abandon();
      const last = await blobs.stage("forget");
      expect(last.size).toBe(0);
      await last.abandon();
    });

    test("sweepStaging() removes what was left alone, not what is new", async () => {
      const staging = await blobs.stage("swept");
      await staging.write(Buffer.from("x"));
      await staging.keep();
      await blobs.sweepStaging(new Date(Date.now() - 60_000));
      const kept = await blobs.stage("swept");
      expect(kept.size).toBe(1);
      await kept.keep();
      await blobs.sweepStaging(new Date(Date.now() + 60_000));
      const gone = await blobs.stage("swept");
      expect(gone.size).toBe(0);
      await gone.abandon();
    });

    test("a name that is not a SHA-256 is refused", async () => {
      await expect(blobs.open("../../etc/passwd")).rejects.toThrow(
        "Cannot name a blob: expected 64 hexadecimal digits",
      );
    });
  });
}

async function put(blobs: BlobStore, key: string, bytes: Uint8Array): Promise<string> {
  const staging = await blobs.stage(key);
  for (let i = 0; i < bytes.length; i += 1 << 20) await staging.write(bytes.subarray(i, i + (1 << 20)));
  await staging.commit(sha256Of(bytes));
  return sha256Of(bytes);
}

async function read(blobs: BlobStore, sha256: string, range?: { start: number; end: number }): Promise<Buffer> {
  return Buffer.from(await new Response(await blobs.open(sha256, range)).arrayBuffer());
}

function sha256Of(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
