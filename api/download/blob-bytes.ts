/**
 * Reads blobs for sending. From a folder by reads of our own, into one buffer where the caller lends it: Bun's file stream reads far ahead
 * of its reader, and new buffers wait for the collector; for a hundred downloads at once either costs several times the memory (bench/zip.ts).
 */
import { open } from "node:fs/promises";
import { BlobMissing, type BlobStore } from "#store/blobs/blob-store.ts";
import type { ByteRange } from "./range.ts";
import type { Readable } from "./zip/stream.ts";

const CHUNK_BYTES = 128 * 1024;

/** Reads an opened blob, once. By way of `buffer` where there is one: each chunk is then good until the next is asked for. */
export type BlobReader = (buffer: Buffer | undefined) => Readable;

/** Opens the bytes of `range`; throws BlobMissing where there is no such blob. */
export async function openBlob(blobs: BlobStore, sha256: string, range: ByteRange): Promise<BlobReader> {
  if (!blobs.path) {
    const stream = await blobs.open(sha256, range);
    return () => stream;
  }
  const path = blobs.path(sha256);
  if ((await blobs.size(sha256)) === undefined) throw new BlobMissing(sha256);
  return (buffer) => ({
    [Symbol.asyncIterator]: () => fileBytes(path, range, buffer),
    cancel: async () => {},
  });
}

/** Opens the file at the first read only: an answer that nobody reads must not hold one. */
async function* fileBytes(path: string, range: ByteRange, buffer: Buffer | undefined): AsyncGenerator<Uint8Array> {
  const file = await open(path);
  try {
    for (let at = range.start; at < range.end; ) {
      const chunk = buffer ?? Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, range.end - at));
      const { bytesRead } = await file.read(chunk, 0, Math.min(chunk.length, range.end - at), at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
