/**
 * One file over HTTP, whole or in parts. It counts as downloaded when every byte of it went out; a download that is broken off changes
 * nothing. A reference is answered with where it lies: its bytes do not pass through here, so handing out the address is its download.
 */
import type { Logger } from "pino";
import { createArchive, recordDelivery } from "#store/archives.ts";
import { BlobMissing, type BlobStore } from "#store/blobs/blob-store.ts";
import type { Db } from "#store/db.ts";
import { type FileRow, findFile, markDownloaded, markDownloadFailed } from "#store/files.ts";
import { type Call, type Handler, idParam } from "../http/call.ts";
import { HttpProblem } from "../http/problem.ts";
import { respond } from "../http/respond.ts";
import { orderWithFiles } from "../orders/access.ts";
import { MISSING_REASON } from "./archive.ts";
import { type BlobReader, openBlob } from "./blob-bytes.ts";
import { deliver } from "./delivery.ts";
import type { QuotaGate } from "./quota-gate.ts";
import { attachment, type ByteRange, noneMatchHits, parseRange, rangeHeaders, strongTags } from "./range.ts";
import { safeName } from "./zip/names.ts";

export type DownloadFileDeps = {
  readonly db: Db;
  readonly blobs: BlobStore;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly gate: QuotaGate;
};

export function downloadFile(deps: DownloadFileDeps): Handler {
  return async (call) => {
    const id = idParam(call, "dataFileId");
    const file = await findFile(deps.db, id);
    if (!file) throw new HttpProblem(404, [`Data file with id: ${id} doesn't exist.`]);
    await orderWithFiles(deps.db, call.principal, file.orderId);
    return sendFile(deps, call, { file, email: call.principal.email });
  };
}

/** The file, to a caller who may have it, at the cost of that user's quota. */
export async function sendFile(
  deps: DownloadFileDeps,
  call: Call,
  { file, email }: { readonly file: FileRow; readonly email: string },
): Promise<Response> {
  refuseUnavailable(file);
  if (file.reference) return reference(deps, call, file);
  return stored(deps, call, { file: await withBytes(deps, file), email });
}

function refuseUnavailable(file: FileRow): void {
  switch (file.state) {
    case "PENDING":
      throw new HttpProblem(202, ["Not yet available."], { "retry-after": "10" });
    case "ERROR":
    case "PROCESSING_ERROR":
      throw new HttpProblem(422, [file.error ?? `Cannot download file ${file.id}: it could not be made available`]);
    case "AVAILABLE":
    case "DOWNLOADED":
    case "DOWNLOAD_ERROR":
      return;
    default:
      file.state satisfies never;
  }
}

async function reference(deps: DownloadFileDeps, call: Call, file: FileRow): Promise<Response> {
  if (!/^https?:\/\//i.test(file.uri)) {
    throw new HttpProblem(422, [`Cannot download file ${file.id}: its address is not one that a client can open`]);
  }
  if (call.request.method === "GET") await markDownloaded(deps.db, [file.id], { now: deps.now() });
  return respond(302, null, { location: new URL(file.uri).href });
}

type StoredFile = FileRow & { readonly sha256: string; readonly size: number };

/** The file if its bytes are there; 410 otherwise, and remembered so. */
async function withBytes(deps: DownloadFileDeps, file: FileRow): Promise<StoredFile> {
  const { sha256 } = file;
  const size = sha256 === undefined ? undefined : await deps.blobs.size(sha256);
  if (sha256 !== undefined && size !== undefined && size === file.size) return { ...file, sha256, size };
  await markDownloadFailed(deps.db, file.id, MISSING_REASON);
  throw new HttpProblem(410, [`Cannot download file ${file.id}: ${MISSING_REASON}`]);
}

async function stored(
  deps: DownloadFileDeps,
  call: Call,
  { file, email }: { readonly file: StoredFile; readonly email: string },
): Promise<Response> {
  const header = (name: string) => call.request.headers.get(name);
  const tag = `f${file.id}-${file.sha256.slice(0, 32)}`;
  const etag = `"${tag}"`;
  if (noneMatchHits(header("if-none-match"), etag)) return respond(304, null, { etag });
  const ifRange = header("if-range");
  const mayBePart = ifRange === null || strongTags(ifRange).includes(etag);
  const answer = parseRange(mayBePart ? header("range") : null, file.size);
  const headers = {
    etag,
    "cache-control": "private, no-cache",
    "content-type": contentType(file.mimeType),
    "content-disposition": attachment(safeName(file.filename)),
    ...rangeHeaders(answer, file.size),
  };
  if (answer.kind === "unsatisfiable") throw new HttpProblem(416, [], headers);
  const range = answer.kind === "part" ? answer.range : { start: 0, end: file.size };
  const status = answer.kind === "part" ? 206 : 200;
  if (call.request.method === "HEAD") return respond(status, null, headers);
  const { request } = call;
  const pass = await deps.gate.enter({ request, email, orderId: file.orderId, fileIds: [file.id] });
  const reader = await open(deps, file, range);
  const body = deliver((buffer) => pass(reader(buffer)), {
    request,
    length: range.end - range.start,
    logger: deps.logger.child({ orderId: file.orderId, fileId: file.id }),
    ended: async ({ sent, whole }) => {
      const all = whole && range.end - range.start === file.size;
      if (all || (await completed(deps, file, { tag, start: range.start, sent, whole }))) {
        await markDownloaded(deps.db, [file.id], { now: deps.now() });
      }
    },
  });
  return respond(status, body, headers);
}

/** Remembers what was sent; true when that makes the file whole and this request ended well. */
async function completed(
  deps: DownloadFileDeps,
  file: StoredFile,
  part: { tag: string; start: number; sent: number; whole: boolean },
): Promise<boolean> {
  if (part.sent === 0) return false;
  const { id, orderId, size } = file;
  await createArchive(deps.db, { etag: part.tag, orderId, files: [id], single: true, size, now: deps.now() });
  const delivered = await recordDelivery(deps.db, part.tag, { start: part.start, end: part.start + part.sent });
  return part.whole && delivered.some((range) => range.start === 0 && range.end === size);
}

/** Opened before the answer starts, so that a blob that is missing is still told by a status. */
async function open(deps: DownloadFileDeps, file: StoredFile, range: ByteRange): Promise<BlobReader> {
  try {
    return await openBlob(deps.blobs, file.sha256, range);
  } catch (error) {
    if (!(error instanceof BlobMissing)) throw error;
    await markDownloadFailed(deps.db, file.id, MISSING_REASON);
    throw new HttpProblem(410, [`Cannot download file ${file.id}: ${MISSING_REASON}`]);
  }
}

/** The catalogue's word, unless it would make a browser run the file or break the header. */
function contentType(mimeType: string): string {
  const plain = /^[\w.+-]+\/[\w.+-]+$/.test(mimeType) ? mimeType.toLowerCase() : "application/octet-stream";
  return plain === "text/html" || plain.endsWith("+xml") ? "application/octet-stream" : plain;
}
