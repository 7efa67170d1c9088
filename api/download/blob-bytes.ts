/**
 * Reads blobs for sending. From a folder in chunks of our own size: Bun's file stream reads far ahead of its reader, which for a hundred
 * downloads at once costs several times the memory (bench/zip.ts).
 */
import { open } from "node:fs/promises";
import { BlobMissing, type BlobStore } from "#store/blobs/blob-store.ts";
import type { ByteRange } from "./range.ts";
import { streamOf } from "./zip/stream.ts";

const CHUNK_BYTES = 128 * 1024;

/** The bytes of `range`; throws BlobMissing before any of them where there is no such blob. */
export async function openBlob(
  blobs: BlobStore,
  sha256: string,
  range: ByteRange,
): Promise<ReadableStream<Uint8Array>> {
  if (!blobs.path) return blobs.open(sha256, range);
  if ((await blobs.size(sha256)) === undefined) throw new BlobMissing(sha256);
  return streamOf(fileBytes(blobs.path(sha256), range));
}

/** Opens the file at the first read only: an answer that nobody reads must not hold one. */
async function* fileBytes(path: string, range: ByteRange): AsyncGenerator<Uint8Array> {
  const file = await open(path);
  try {
    for (let at = range.start; at < range.end; ) {
      const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, range.end - at));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield chunk.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
