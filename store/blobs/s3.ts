/**
 * Blobs as objects of an S3 bucket: `<prefix>/ab/cd/<sha256>`. An object appears when its upload completes, so there is no half blob.
 * Bytes on their way lie in a folder of this machine. Requests are presigned and sent with `fetch`: Bun's own S3 reads neither try
 * again nor tell the status, and a body that breaks off goes on here where it stopped.
 */
import { rm, stat } from "node:fs/promises";
import { S3Client } from "bun";
import { partSize } from "../s3/part-size.ts";
import { BlobMissing, type BlobStore, type ByteRange, blobName, type StoredBlob } from "./blob-store.ts";
import { Refused, type Retry, retrying } from "./retrying.ts";
import { openStaging, sweepStagingFolder } from "./staging.ts";

export type S3Options = {
  readonly bucket: string;
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string;
  readonly endpoint?: string;
  readonly region: string;
  readonly accessKeyId?: string;
  readonly secretAccessKey?: string;
  /** Folder of this machine for bytes on their way. */
  readonly staging: string;
  readonly retry?: Retry;
};

const PARTS_AT_ONCE = 2;

type Method = "GET" | "HEAD" | "DELETE";
type Bucket = {
  readonly client: S3Client;
  readonly prefix: string;
  readonly retry: Retry;
  send(method: Method, key: string, headers?: Record<string, string>): Promise<Response>;
};

export function s3BlobStore(o: S3Options): BlobStore {
  const { bucket: name, prefix, staging, retry = {}, ...access } = o;
  const bucket = openBucket(new S3Client({ bucket: name, ...access }), { prefix, retry });
  const url = `s3://${name}${prefix && `/${prefix}`}`;
  const key = (sha256: string) => bucket.prefix + blobName(sha256);
  return {
    url,
    stage: (source) =>
      openStaging(staging, source, { url, publish: (path, sha256) => upload(bucket, path, key(sha256)) }),
    open: async (sha256, range) => openObject(bucket, { key: key(sha256), sha256, ...(range && { range }) }),
    size: async (sha256) => retrying(() => sizeOf(bucket, key(sha256)), retry),
    remove: async (sha256) => retrying(() => remove(bucket, key(sha256)), retry),
    list: () => listObjects(bucket),
    freeBytes: () => Promise.resolve(undefined),
    sweepStaging: (before) => sweepStagingFolder(staging, before),
  };
}

function openBucket(client: S3Client, o: { prefix: string; retry: Retry }): Bucket {
  return {
    client,
    prefix: o.prefix && `${o.prefix}/`,
    retry: o.retry,
    async send(method, key, headers = {}) {
      const response = await fetch(client.presign(key, { method, expiresIn: 3600 }), { method, headers });
      if (response.ok || response.status === 404) return response;
      throw new Refused(`Cannot ${method} '${key}': status ${response.status}`, response.status);
    },
  };
}

async function sizeOf(bucket: Bucket, key: string): Promise<number | undefined> {
  const response = await bucket.send("HEAD", key);
  return response.ok ? Number(response.headers.get("content-length")) : undefined;
}

async function remove(bucket: Bucket, key: string): Promise<void> {
  await bucket.send("DELETE", key);
}

/** A blob that is there is not sent again; the size tells whether all of it came through. */
async function upload(bucket: Bucket, path: string, key: string): Promise<void> {
  const { size } = await stat(path);
  await retrying(async () => {
    if ((await sizeOf(bucket, key)) === size) return;
    await bucket.client.write(key, Bun.file(path), { partSize: partSize(size), queueSize: PARTS_AT_ONCE, retry: 3 });
    const stored = await sizeOf(bucket, key);
    if (stored !== size) throw new Error(`Cannot store '${key}': sent ${size} bytes, found ${stored ?? "nothing"}`);
  }, bucket.retry);
  await rm(path, { force: true });
}

async function openObject(
  bucket: Bucket,
  o: { key: string; sha256: string; range?: ByteRange },
): Promise<ReadableStream<Uint8Array>> {
  const size = await retrying(() => sizeOf(bucket, o.key), bucket.retry);
  if (size === undefined) throw new BlobMissing(o.sha256);
  const start = o.range?.start ?? 0;
  const end = Math.min(o.range?.end ?? size, size);
  const bytes = readOn(bucket, { key: o.key, sha256: o.sha256, start, end });
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await bytes.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await bytes.return(undefined);
    },
  });
}

/** The bytes of the range; where a response breaks off, the next one begins there. Progress sets the count of tries back. */
async function* readOn(
  bucket: Bucket,
  o: { key: string; sha256: string; start: number; end: number },
): AsyncGenerator<Uint8Array, undefined> {
  let at = o.start;
  while (at < o.end) {
    const reached = await retrying(() => firstChunk(bucket, { ...o, start: at }), bucket.retry);
    try {
      for (let chunk: Uint8Array | undefined = reached.chunk; chunk; chunk = (await reached.reader.read()).value) {
        yield chunk;
        at += chunk.length;
      }
    } catch {
      // Broken off: the next request begins at `at`, and if that brings nothing the tries of `retrying` end it.
    } finally {
      await reached.reader.cancel().catch(() => {});
    }
  }
}

async function firstChunk(bucket: Bucket, o: { key: string; sha256: string; start: number; end: number }) {
  const response = await bucket.send("GET", o.key, { range: `bytes=${o.start}-${o.end - 1}` });
  if (response.status === 404) throw new BlobMissing(o.sha256);
  if (response.status !== 206 || !response.body) {
    throw new Refused(`Cannot GET '${o.key}': expected status 206, got ${response.status}`, response.status);
  }
  const reader = response.body.getReader();
  const { value: chunk } = await reader.read();
  if (!chunk) throw new Error(`Cannot GET '${o.key}': the body is empty`);
  return { reader, chunk };
}

async function* listObjects(bucket: Bucket): AsyncIterable<StoredBlob> {
  let continuationToken: string | undefined;
  do {
    const token = continuationToken;
    const page = await retrying(
      () => bucket.client.list({ prefix: bucket.prefix, ...(token !== undefined && { continuationToken: token }) }),
      bucket.retry,
    );
    for (const object of page.contents ?? []) {
      const sha256 = object.key.split("/").at(-1) ?? "";
      if (!/^[0-9a-f]{64}$/.test(sha256)) continue;
      yield { sha256, size: object.size ?? 0, modified: new Date(object.lastModified ?? 0) };
    }
    continuationToken = page.isTruncated ? page.nextContinuationToken : undefined;
  } while (continuationToken !== undefined);
}
