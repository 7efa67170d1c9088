/**
 * The archive of an order over HTTP: exact length, resumable, the same bytes for the same tag. Files count as downloaded when every byte
 * of them went out, over whichever requests, and a request that ended as the client wanted completes them.
 */
import type { Logger } from "pino";
import { recordDelivery } from "#store/archives.ts";
import { markDownloaded, markDownloadFailed } from "#store/files.ts";
import type { OrderRow } from "#store/orders.ts";
import { type Call, type Handler, idParam } from "../http/call.ts";
import { HttpProblem } from "../http/problem.ts";
import { respond } from "../http/respond.ts";
import { orderWithFiles } from "../orders/access.ts";
import { MISSING_REASON, type OrderArchive, type Source } from "./archive.ts";
import { type ArchiveDeps, findOrMakeArchive } from "./archives.ts";
import { openBlob } from "./blob-bytes.ts";
import { deliver } from "./delivery.ts";
import type { Passage, QuotaGate } from "./quota-gate.ts";
import { attachment, type ByteRange, noneMatchHits, parseRange, rangeHeaders } from "./range.ts";
import { dataRange } from "./zip/plan.ts";
import { archiveBytes } from "./zip/stream.ts";

const MARKED_AT_ONCE = 10_000;

export type DownloadOrderDeps = ArchiveDeps & { readonly logger: Logger; readonly gate: QuotaGate };

export function downloadOrder(deps: DownloadOrderDeps): Handler {
  return async (call) => {
    const order = await orderWithFiles(deps.db, call.principal, idParam(call, "orderId"));
    const header = (name: string) => call.request.headers.get(name);
    const disposition = { "content-disposition": attachment(archiveName(order)) };
    const found = await findOrMakeArchive(deps, order, {
      all: call.query.get("all") === "true",
      range: header("range"),
      ifRange: header("if-range"),
    });
    if (!found) return respond(204, null, disposition);
    const { archive, resumed } = found;
    const etag = `"${archive.etag}"`;
    // `no-cache`, unlike everything else: the bytes may be kept by the client, under their tag, or it could not resume.
    const headers = {
      ...disposition,
      etag,
      "content-type": "application/octet-stream",
      "cache-control": "private, no-cache",
    };
    if (noneMatchHits(header("if-none-match"), etag)) return respond(304, null, { etag });
    const mayBePart = header("if-range") === null || resumed;
    const answer = parseRange(mayBePart ? header("range") : null, archive.plan.size);
    const all = { ...headers, ...rangeHeaders(answer, archive.plan.size) };
    if (answer.kind === "unsatisfiable") throw new HttpProblem(416, [], all);
    const range = answer.kind === "part" ? answer.range : { start: 0, end: archive.plan.size };
    const status = answer.kind === "part" ? 206 : 200;
    const { request, principal } = call;
    if (request.method === "HEAD") return respond(status, null, all);
    const fileIds = requestedFiles(archive, range);
    const pass = await deps.gate.enter({ request, email: principal.email, orderId: order.id, fileIds });
    return respond(status, archiveBody(deps, call, { order, archive, range, pass }), all);
  };
}

/** Named after the order, not after the time of the request, so that a client that resumes finds its own file again. */
function archiveName(order: OrderRow): string {
  return `order_${order.id}_${order.createdAt.toISOString().replaceAll(":", "_")}.zip`;
}

type Sending = {
  readonly order: OrderRow;
  readonly archive: OrderArchive;
  readonly range: ByteRange;
  readonly pass: Passage;
};

function archiveBody(deps: DownloadOrderDeps, call: Call, sending: Sending): ReadableStream<Uint8Array> {
  const { archive, range, order, pass } = sending;
  const logger = deps.logger.child({ orderId: order.id, etag: archive.etag });
  const open = (buffer: Buffer | undefined) => async (source: Source, part: ByteRange) => {
    if (source.kind === "text") return new Blob([source.bytes.subarray(part.start, part.end)]).stream();
    const reader = await openBlob(deps.blobs, source.sha256, part).catch((error: unknown) => {
      deps.plans.drop(archive.etag);
      throw error;
    });
    return reader(buffer);
  };
  const bytes = (buffer: Buffer | undefined) =>
    pass(archiveBytes(archive.plan, range, open(buffer), { lend: buffer !== undefined }));
  return deliver(bytes, {
    request: call.request,
    length: range.end - range.start,
    logger,
    ended: async ({ sent, whole }) => {
      if (sent === 0) return;
      const delivered = await recordDelivery(deps.db, archive.etag, { start: range.start, end: range.start + sent });
      if (whole) await markDelivered(deps, archive, delivered);
    },
  });
}

async function markDelivered(
  deps: DownloadOrderDeps,
  archive: OrderArchive,
  delivered: readonly ByteRange[],
): Promise<void> {
  const ids = deliveredFiles(archive, delivered);
  for (let i = 0; i < ids.length; i += MARKED_AT_ONCE) {
    await markDownloaded(deps.db, ids.slice(i, i + MARKED_AT_ONCE), { now: deps.now() });
  }
  const told = delivered.some((part) => part.start === 0 && part.end === archive.plan.size);
  if (!told) return;
  for (const id of archive.missing) await markDownloadFailed(deps.db, id, MISSING_REASON);
}

/** The files of which the range asks for bytes; one without any bytes where its place is asked for. */
export function requestedFiles({ plan }: OrderArchive, range: ByteRange): readonly number[] {
  return plan.entries.flatMap((entry, i) => {
    const data = dataRange(plan, i);
    const asked = data.start < range.end && (data.end > range.start || data.start === range.start);
    return asked && entry.source.kind === "blob" ? entry.source.fileIds : [];
  });
}

/** The files all of whose bytes lie in what was delivered. `delivered` is in order and without overlaps. */
export function deliveredFiles(archive: OrderArchive, delivered: readonly ByteRange[]): readonly number[] {
  const { plan } = archive;
  let part = 0;
  return plan.entries.flatMap((entry, i) => {
    const data = dataRange(plan, i);
    while (part < delivered.length && (delivered[part]?.end ?? 0) < data.end) part++;
    const covering = delivered[part];
    const whole = covering !== undefined && covering.start <= data.start && covering.end >= data.end;
    return whole && entry.source.kind === "blob" ? entry.source.fileIds : [];
  });
}
