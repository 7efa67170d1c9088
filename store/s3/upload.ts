/**
 * Brings a long stream to an object in parts, with flat memory, so that it may be broken off at any byte: the next try, here or in another process,
 * makes the same stream again, compares the parts that are there by their MD5 and sends only the others. The object appears in one step at the end.
 */
import type { Bucket, Part } from "./bucket.ts";
import { partSize } from "./part-size.ts";

export type Upload = {
  readonly key: string;
  /** All bytes from the start; the same each time it is called. */
  readonly bytes: () => AsyncIterable<Uint8Array>;
  readonly size: number;
  readonly signal: AbortSignal;
  /** At least 5 MiB, which is what S3 wants of every part but the last. */
  readonly partBytes?: number;
};

export type Uploaded = { readonly size: number; readonly md5: string; readonly sha256: string };

/** Resolves when the whole object is there; answers its hashes. */
export async function uploadOnce(bucket: Bucket, upload: Upload): Promise<Uploaded> {
  const { key, size, signal } = upload;
  const partBytes = upload.partBytes ?? partSize(size);
  const unfinished = await bucket.uploads(key, signal);
  const [begun, ...others] = unfinished.flatMap((found) => (found.key === key ? [found.id] : []));
  for (const other of others) await bucket.abortUpload(key, other, signal);
  const there = begun === undefined ? await bucket.head(key, signal) : undefined;
  if (there?.size === size) {
    // An earlier try got to the end, unless something else lies there.
    const sent = await pass(upload, { partBytes, put: async ({ md5 }) => md5 });
    if (sent.tag === there.etag) return sent.uploaded;
  }
  const id = begun ?? (await bucket.beginUpload(key, signal));
  const known = new Map((await bucket.parts(key, id, signal)).map((part) => [part.number, part]));
  const { parts, uploaded } = await pass(upload, {
    partBytes,
    put: async ({ number, bytes, md5 }) => {
      const before = known.get(number);
      if (before?.etag === md5 && before.size === bytes.length) return md5;
      const etag = await bucket.putPart(key, { upload: id, number, bytes }, signal);
      if (etag !== md5) throw new Error(`Cannot upload '${key}': part ${number} arrived with another checksum`);
      return etag;
    },
  });
  await bucket.completeUpload(key, { upload: id, parts }, signal);
  const stored = await bucket.head(key, signal);
  if (stored?.size !== size)
    throw new Error(`Cannot upload '${key}': sent ${size} bytes, found ${stored?.size ?? "nothing"}`);
  return uploaded;
}

type Cut = { readonly number: number; readonly bytes: Uint8Array<ArrayBuffer>; readonly md5: string };
type Pass = { readonly partBytes: number; readonly put: (part: Cut) => Promise<string> };

/** Goes over all bytes once: hashes them whole and part by part, and hands over each part, one ahead of the stream. */
async function pass(
  upload: Upload,
  { partBytes, put }: Pass,
): Promise<{ parts: readonly Part[]; tag: string; uploaded: Uploaded }> {
  const whole = { md5: new Bun.CryptoHasher("md5"), sha256: new Bun.CryptoHasher("sha256") };
  const ofParts = new Bun.CryptoHasher("md5");
  const parts: Part[] = [];
  let running: Promise<void> = Promise.resolve();
  let size = 0;
  for await (const bytes of cut(upload.bytes(), partBytes)) {
    size += bytes.length;
    whole.md5.update(bytes);
    whole.sha256.update(bytes);
    const md5 = new Bun.CryptoHasher("md5").update(bytes).digest();
    ofParts.update(md5);
    await running;
    upload.signal.throwIfAborted();
    const number = parts.length + 1;
    parts.push({ number, etag: md5.toString("hex"), size: bytes.length });
    running = put({ number, bytes, md5: md5.toString("hex") }).then(() => {});
    running.catch(() => {});
  }
  await running;
  if (size !== upload.size)
    throw new Error(`Cannot upload '${upload.key}': expected ${upload.size} bytes, got ${size}`);
  const tag = `${ofParts.digest("hex")}-${parts.length}`;
  return { parts, tag, uploaded: { size, md5: whole.md5.digest("hex"), sha256: whole.sha256.digest("hex") } };
}

/** The stream in pieces of `partBytes`; the last is what is left. */
async function* cut(chunks: AsyncIterable<Uint8Array>, partBytes: number): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let part = new Uint8Array(partBytes);
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      const piece = chunk.subarray(at, at + partBytes - filled);
      part.set(piece, filled);
      filled += piece.length;
      at += piece.length;
      if (filled < partBytes) continue;
      yield part;
      part = new Uint8Array(partBytes);
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}
