/**
 * The archive of an order over HTTP: exact length, resumable, the same bytes for the same tag. Files count as downloaded when every byte
 * of them went out, over whichever requests, and a request that ended as the client wanted completes them. With references it goes out once,
 * from start to end, and counts when it went out whole.
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
import { type Variant, variantOf } from "./layout.ts";
import type { QuotaGate } from "./quota-gate.ts";
import { attachment, type ByteRange, noneMatchHits, parseRange, rangeHeaders } from "./range.ts";
import { type OpenReference, type Outcome, referenceEntries } from "./references.ts";
import { underWay } from "./under-way.ts";
import { openEndedArchive } from "./zip/late.ts";
import { dataRange } from "./zip/plan.ts";
import { archiveBytes, type OpenSource } from "./zip/stream.ts";

const MARKED_AT_ONCE = 10_000;

export type DownloadOrderDeps = ArchiveDeps & {
  readonly logger: Logger;
  readonly gate: QuotaGate;
  /** For one download. */
  readonly references: () => Promise<OpenReference>;
};

export function downloadOrder(deps: DownloadOrderDeps): Handler {
  return async (call) => {
    const order = await orderWithFiles(deps.db, call.principal, idParam(call, "orderId"));
    const variant = variantOf(call.query);
    const header = (name: string) => call.request.headers.get(name);
    const found = await findOrMakeArchive(deps, order, {
      variant,
      all: call.query.get("all") === "true",
      range: header("range"),
      ifRange: header("if-range"),
    });
    const parts = found.kind === "archive" ? found.archive.parts : found.parts;
    refuseBeyond(order, variant, parts);
    const headers = {
      "content-disposition": attachment(archiveName(order, variant)),
      ...(parts !== undefined && { "x-archive-parts": `${parts}` }),
    };
    if (found.kind === "nothing") return respond(204, null, headers);
    const sending = { order, archive: found.archive, headers };
    return found.archive.references.length > 0
      ? openEnded(deps, call, sending)
      : resumable(deps, call, { ...sending, resumed: found.resumed });
  };
}

function refuseBeyond(order: OrderRow, { part }: Variant, parts: number | undefined): void {
  if (!part || part.number <= Math.max(parts ?? 1, 1)) return;
  const has = `order ${order.id} has ${parts} of at most ${part.bytes} bytes`;
  throw new HttpProblem(404, [`No such part: ${has}, got part '${part.number}'`]);
}

/** Named after the order, not after the time of the request, so that a client that resumes finds its own file again. */
function archiveName(order: OrderRow, { part }: Variant): string {
  const time = order.createdAt.toISOString().replaceAll(":", "_");
  return `order_${order.id}_${time}${part ? `_part${part.number}` : ""}.zip`;
}

type Sending = {
  readonly order: OrderRow;
  readonly archive: OrderArchive;
  readonly headers: Readonly<Record<string, string>>;
};

// `no-cache`, unlike everything else: the bytes may be kept by the client, under their tag, or it could not resume.
const BYTES = { "content-type": "application/octet-stream", "cache-control": "private, no-cache" };

async function resumable(
  deps: DownloadOrderDeps,
  call: Call,
  sending: Sending & { readonly resumed: boolean },
): Promise<Response> {
  const { archive, order } = sending;
  const { request, principal } = call;
  const header = (name: string) => request.headers.get(name);
  const etag = `"${archive.etag}"`;
  if (noneMatchHits(header("if-none-match"), etag)) return respond(304, null, { etag });
  const mayBePart = header("if-range") === null || sending.resumed;
  const answer = parseRange(mayBePart ? header("range") : null, archive.plan.size);
  const headers = { ...sending.headers, ...BYTES, etag, ...rangeHeaders(answer, archive.plan.size) };
  if (answer.kind === "unsatisfiable") throw new HttpProblem(416, [], headers);
  const range = answer.kind === "part" ? answer.range : { start: 0, end: archive.plan.size };
  const status = answer.kind === "part" ? 206 : 200;
  if (request.method === "HEAD") return respond(status, null, headers);
  const fileIds = requestedFiles(archive, range);
  const pass = await deps.gate.enter({ request, email: principal.email, orderId: order.id, fileIds });
  const bytes = (buffer: Buffer | undefined) =>
    pass(archiveBytes(archive.plan, range, opener(deps, archive, buffer), { lend: buffer !== undefined }));
  const logger = loggerOf(deps, sending);
  const { ahead, over } = underWay({ db: deps.db, logger }, { etag: archive.etag, range });
  const body = deliver(bytes, {
    request,
    length: range.end - range.start,
    logger,
    ahead,
    ended: async ({ sent, whole }) => {
      if (sent === 0) return over();
      const delivered = await recordDelivery(deps.db, archive.etag, { start: range.start, end: range.start + sent });
      await over();
      if (whole) await markDelivered(deps, archive, delivered);
    },
  });
  return respond(status, body, headers);
}

/** The archive with its references, of which nothing is known beforehand: no length, no tag, no parts of it. */
async function openEnded(deps: DownloadOrderDeps, call: Call, sending: Sending): Promise<Response> {
  const { archive, order } = sending;
  const { request, principal } = call;
  const headers = { ...sending.headers, ...BYTES, "accept-ranges": "none" };
  if (request.method === "HEAD") return respond(200, null, headers);
  const fileIds = requestedFiles(archive, { start: 0, end: archive.plan.size });
  const pass = await deps.gate.enter({ request, email: principal.email, orderId: order.id, fileIds });
  const open = await deps.references();
  const outcome: Outcome = { sent: [], failed: [] };
  const bytes = (buffer: Buffer | undefined) => {
    const late = referenceEntries(archive, outcome, { open, fileUrl: deps.fileUrl, signal: request.signal });
    const blobs = opener(deps, archive, buffer);
    return pass(openEndedArchive(archive.plan, blobs, late, { lend: buffer !== undefined }));
  };
  const body = deliver(bytes, {
    request,
    logger: loggerOf(deps, sending),
    ended: async ({ whole }) => {
      if (!whole) return;
      await markAll(deps, [...fileIds, ...outcome.sent]);
      for (const { file, reason } of outcome.failed) await markDownloadFailed(deps.db, file.id, reason);
    },
  });
  return respond(200, body, headers);
}

function loggerOf(deps: DownloadOrderDeps, { order, archive }: Sending): Logger {
  return deps.logger.child({ orderId: order.id, etag: archive.etag });
}

function opener(deps: DownloadOrderDeps, archive: OrderArchive, buffer: Buffer | undefined): OpenSource<Source> {
  return async (source, part) => {
    if (source.kind === "text") return new Blob([source.bytes.subarray(part.start, part.end)]).stream();
    const reader = await openBlob(deps.blobs, source.sha256, part).catch((error: unknown) => {
      deps.plans.drop(archive.etag);
      throw error;
    });
    return reader(buffer);
  };
}

async function markDelivered(
  deps: DownloadOrderDeps,
  archive: OrderArchive,
  delivered: readonly ByteRange[],
): Promise<void> {
  await markAll(deps, deliveredFiles(archive, delivered));
  const told = delivered.some((part) => part.start === 0 && part.end === archive.plan.size);
  if (!told) return;
  for (const { id } of archive.missing) await markDownloadFailed(deps.db, id, MISSING_REASON);
}

async function markAll(deps: DownloadOrderDeps, ids: readonly number[]): Promise<void> {
  for (let i = 0; i < ids.length; i += MARKED_AT_ONCE) {
    await markDownloaded(deps.db, ids.slice(i, i + MARKED_AT_ONCE), { now: deps.now() });
  }
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
