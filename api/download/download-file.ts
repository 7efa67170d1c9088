/**
 * One file over HTTP, whole or in parts. It counts as downloaded when every byte of it went out; a download that is broken off changes
 * nothing.
 */
import { BlobMissing, type BlobStore } from "#store/blobs/blob-store.ts";
import { type FileRow, findFile, markDownloadFailed } from "#store/files.ts";
import { type Call, type Handler, idParam } from "../http/call.ts";
import { HttpProblem } from "../http/problem.ts";
import { respond } from "../http/respond.ts";
import { orderWithFiles } from "../orders/access.ts";
import { MISSING_REASON } from "./archive.ts";
import { type BlobReader, openBlob } from "./blob-bytes.ts";
import { deliver } from "./delivery.ts";
import { type ByteRange, noneMatchHits, parseRange, rangeHeaders, strongTags } from "./range.ts";
import { type ReferenceFileDeps, sendReference } from "./reference-file.ts";
import { fileHeaders, followPart } from "./single-file.ts";

export type DownloadFileDeps = ReferenceFileDeps & { readonly blobs: BlobStore };

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
  if (file.reference) return sendReference(deps, call, { file, email });
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
    ...fileHeaders(file),
    ...rangeHeaders(answer, file.size),
  };
  if (answer.kind === "unsatisfiable") throw new HttpProblem(416, [], headers);
  const range = answer.kind === "part" ? answer.range : { start: 0, end: file.size };
  const status = answer.kind === "part" ? 206 : 200;
  if (call.request.method === "HEAD") return respond(status, null, headers);
  const length = range.end - range.start;
  const { request } = call;
  const pass = await deps.gate.enter({ request, email, orderId: file.orderId, fileIds: [file.id] });
  const reader = await open(deps, file, range);
  const logger = deps.logger.child({ orderId: file.orderId, fileId: file.id });
  const part = { tag, start: range.start, length, size: file.size };
  const following = followPart({ ...deps, logger }, file, part);
  const body = deliver((buffer) => pass(reader(buffer)), { request, length, logger, ...following });
  return respond(status, body, headers);
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
