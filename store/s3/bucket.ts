/**
 * A bucket of an object store, as uploads in parts need it. An unfinished upload is found again by its key, so whoever goes on with it need not
 * have been told of it, and none is left behind because its number was lost.
 */
import { Refused, type Retry, retrying } from "../blobs/retrying.ts";
import { type Credentials, encode, signedHeaders } from "./signature.ts";

export type BucketOptions = Credentials & {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly now: () => Date;
  readonly retry?: Retry;
};

export type Part = { readonly number: number; readonly etag: string; readonly size: number };

export type UnfinishedUpload = { readonly key: string; readonly id: string };

export type Bucket = {
  readonly name: string;
  /** Size and tag of an object. */
  head(key: string, signal: AbortSignal): Promise<{ readonly size: number; readonly etag: string } | undefined>;
  /** Unfinished uploads of keys that begin so. */
  uploads(prefix: string, signal: AbortSignal): Promise<readonly UnfinishedUpload[]>;
  beginUpload(key: string, signal: AbortSignal): Promise<string>;
  parts(key: string, upload: string, signal: AbortSignal): Promise<readonly Part[]>;
  putPart(
    key: string,
    part: { upload: string; number: number; bytes: Uint8Array<ArrayBuffer> },
    signal: AbortSignal,
  ): Promise<string>;
  /** Makes the parts the object, in one step. */
  completeUpload(key: string, o: { upload: string; parts: readonly Part[] }, signal: AbortSignal): Promise<void>;
  abortUpload(key: string, upload: string, signal: AbortSignal): Promise<void>;
};

const ANSWER_WITHIN_MS = 600_000;

type Call = {
  readonly method: string;
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
};

export function openBucket(options: BucketOptions): Bucket {
  const call = (request: Call, signal: AbortSignal) =>
    retrying(() => answered(options, request, signal), { ...options.retry, signal });
  const text = async (request: Call, signal: AbortSignal) => (await call(request, signal)).body;
  return {
    name: options.bucket,
    async head(key, signal) {
      const { found, headers } = await call({ method: "HEAD", key }, signal);
      return found
        ? { size: Number(headers.get("content-length")), etag: plainTag(headers.get("etag") ?? "") }
        : undefined;
    },
    async uploads(prefix, signal) {
      const listed = await text({ method: "GET", query: { uploads: "", prefix } }, signal);
      return elements(listed, "Upload")
        .map((upload) => ({ key: element(upload, "Key"), id: element(upload, "UploadId") }))
        .filter(({ key }) => key.startsWith(prefix));
    },
    async beginUpload(key, signal) {
      return element(await text({ method: "POST", key, query: { uploads: "" } }, signal), "UploadId");
    },
    async parts(key, uploadId, signal) {
      const found: Part[] = [];
      for (let marker = "0"; marker !== ""; ) {
        const query = { uploadId, "part-number-marker": marker };
        const page = await text({ method: "GET", key, query }, signal);
        for (const part of elements(page, "Part")) {
          const [number, etag, size] = ["PartNumber", "ETag", "Size"].map((name) => element(part, name));
          found.push({ number: Number(number), etag: plainTag(etag ?? ""), size: Number(size) });
        }
        marker = element(page, "IsTruncated") === "true" ? element(page, "NextPartNumberMarker") : "";
      }
      return found;
    },
    async putPart(key, { upload, number, bytes }, signal) {
      const query = { partNumber: String(number), uploadId: upload };
      const { headers } = await call({ method: "PUT", key, query, body: bytes }, signal);
      return plainTag(headers.get("etag") ?? "");
    },
    async completeUpload(key, { upload, parts }, signal) {
      const list = parts.map((p) => `<Part><PartNumber>${p.number}</PartNumber><ETag>"${p.etag}"</ETag></Part>`);
      const body = `<CompleteMultipartUpload>${list.join("")}</CompleteMultipartUpload>`;
      const answer = await text({ method: "POST", key, query: { uploadId: upload }, body }, signal);
      // A refusal may come with status 200, because the answer begins before the work is done.
      const refusal = element(answer, "Code");
      if (refusal !== "") throw new Error(`Cannot complete the upload of '${key}': ${refusal}`);
    },
    async abortUpload(key, upload, signal) {
      await call({ method: "DELETE", key, query: { uploadId: upload } }, signal);
    },
  };
}

/** Gives a request up when the signal aborts, or when there is no answer for too long. */
async function answered(options: BucketOptions, request: Call, signal: AbortSignal): Promise<Answer> {
  signal.throwIfAborted();
  const limit = new AbortController();
  const give = () => limit.abort(signal.reason);
  const timer = setTimeout(() => limit.abort(new Error(`no answer for ${ANSWER_WITHIN_MS} ms`)), ANSWER_WITHIN_MS);
  signal.addEventListener("abort", give, { once: true });
  try {
    return await send(options, request, limit.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", give);
  }
}

type Answer = { readonly found: boolean; readonly headers: Headers; readonly body: string };

/** Throws Refused for what the store refuses; 404 is an answer. */
async function send(o: BucketOptions, { method, key, query = {}, body }: Call, signal: AbortSignal): Promise<Answer> {
  const path = [o.bucket, ...(key === undefined ? [] : key.split("/"))].map(encode).join("/");
  const url = new URL(`${o.endpoint.replace(/\/$/, "")}/${path}`);
  url.search = Object.entries(query)
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .join("&");
  const headers = signedHeaders({ method, url }, { ...o, now: o.now() });
  const response = await fetch(url, { method, headers, signal, ...(body !== undefined && { body }) });
  const text = await response.text();
  if (response.ok || (response.status === 404 && method === "HEAD")) {
    return { found: response.ok, headers: response.headers, body: text };
  }
  const what = `${method} '${key ?? o.bucket}'`;
  throw new Refused(`Cannot ${what}: status ${response.status} ${element(text, "Code")}`.trimEnd(), response.status);
}

function elements(xml: string, name: string): readonly string[] {
  return [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, "gs"))].map((match) => match[1] ?? "");
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  "#34": '"',
  "#39": "'",
};

function element(xml: string, name: string): string {
  return (elements(xml, name)[0] ?? "").replaceAll(/&(#?\w+);/g, (whole, entity) => ENTITIES[entity] ?? whole);
}

function plainTag(etag: string): string {
  return etag.replaceAll('"', "");
}
