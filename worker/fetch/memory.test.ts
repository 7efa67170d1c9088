import { afterAll, describe, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { pathToFileURL } from "node:url";
import { openBlobStore } from "#store/blobs/open.ts";
import { temporaryFolder } from "#test/support/folder.ts";
import { placeFor, SMALL_BYTES } from "./memory.ts";

const folder = temporaryFolder("memory-place");
afterAll(() => folder.remove());
const blobs = await openBlobStore(pathToFileURL(folder.path).href, {});

async function commit(parts: readonly Uint8Array[], size: number | undefined) {
  const place = await placeFor(blobs, crypto.randomUUID(), size);
  for (const part of parts) await place.write(part);
  const sha256 = new Bun.CryptoHasher("sha256").update(Buffer.concat(parts)).digest("hex");
  await place.commit(sha256);
  return Buffer.from(await new Response(await blobs.open(sha256)).bytes());
}

describe("placeFor()", () => {
  const cases: Record<string, { parts: Uint8Array[]; size?: number }> = {
    "an empty file": { parts: [], size: 0 },
    "a small file in one piece": { parts: [randomBytes(1000)], size: 1000 },
    "a small file in pieces": { parts: [randomBytes(10), randomBytes(20), randomBytes(30)], size: 60 },
    "a file whose size nobody knows": { parts: [randomBytes(1000)] },
    "a large file": { parts: [randomBytes(SMALL_BYTES), randomBytes(1)], size: SMALL_BYTES + 1 },
  };
  for (const [name, { parts, size }] of Object.entries(cases)) {
    test(`placeFor() makes a blob of ${name}`, async () => {
      expect((await commit(parts, size)).equals(Buffer.concat(parts))).toBe(true);
    });
  }

  test("placeFor() makes blobs also after the staging area was swept", async () => {
    await blobs.sweepStaging(new Date(Date.now() + 60_000));
    const bytes = randomBytes(100);
    expect((await commit([bytes], 100)).equals(bytes)).toBe(true);
  });
});
