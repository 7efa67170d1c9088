/**
 * One file of which only the address is known, passed on from its source: ranges go to the source, what it refuses is told. The client never
 * sees the address, which may be one that only the service may open.
 */
import { createHash } from "node:crypto";
import type { Logger } from "pino";
import type { NotThrough, Through } from "#sources/through.ts";
import type { Db } from "#store/db.ts";
import { type FileRow, markDownloaded, markDownloadFailed } from "#store/files.ts";
import type { Call } from "../http/call.ts";
import { HttpProblem } from "../http/problem.ts";
import { respond } from "../http/respond.ts";
import { type DeliveryEnd, deliver } from "./delivery.ts";
import type { QuotaGate } from "./quota-gate.ts";
import { noneMatchHits } from "./range.ts";
import type { OpenReference } from "./references.ts";
import { fileHeaders, followPart } from "./single-file.ts";

export type ReferenceFileDeps = {
  readonly db: Db;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly gate: QuotaGate;
  readonly references: () => Promise<OpenReference>;
};

export async function sendReference(
  deps: ReferenceFileDeps,
  call: Call,
  { file, email }: { readonly file: FileRow; readonly email: string },
): Promise<Response> {
  const { request } = call;
  const opened = await openAsked(await deps.references(), request, file);
  if (opened.kind === "refused") throw await refusal(deps, file, { refused: opened, head: request.method === "HEAD" });
  const etag = opened.validator?.startsWith('"') ? opened.validator : undefined;
  const known = etag !== undefined && noneMatchHits(request.headers.get("if-none-match"), etag);
  if (known || request.method === "HEAD") opened.cancel();
  if (known) return respond(304, null, { etag });
  const sending = sendingOf(opened, request);
  const headers = { ...fileHeaders(file), ...validators(opened), ...sending.headers };
  if (request.method === "HEAD") return respond(sending.status, null, headers);
  const entrance = { request, email, orderId: file.orderId, fileIds: [] };
  const pass = await deps.gate.enter(entrance).catch((error: unknown) => {
    opened.cancel();
    throw error;
  });
  const { start, length } = sending;
  const logger = deps.logger.child({ orderId: file.orderId, fileId: file.id });
  const { validator, total: size } = opened;
  const following =
    validator !== undefined && size !== undefined && length !== undefined
      ? followPart({ ...deps, logger }, file, { tag: tagOf(file, validator), start, length, size })
      : { ended: (end: DeliveryEnd) => markWhole(deps, file, end.whole && !opened.part) };
  const delivery = { request, ...(length !== undefined && { length }), logger, ...following };
  return respond(
    sending.status,
    deliver(() => pass(opened.bytes()), delivery),
    headers,
  );
}

async function markWhole({ db, now }: ReferenceFileDeps, { id }: FileRow, isWhole: boolean): Promise<void> {
  if (isWhole) await markDownloaded(db, [id], { now: now() });
}

/** A part can only be told where the length of the whole is known: else the whole is sent. */
async function openAsked(open: OpenReference, request: Request, file: FileRow): Promise<Through | NotThrough> {
  const { signal } = request;
  const asked = askedRange(request.headers.get("range"));
  if (!asked) return open(file, { signal });
  const ifMatch = request.headers.get("if-range");
  const opened = await open(file, { ...asked, ...(ifMatch !== null && { ifMatch }), signal });
  if (opened.kind === "refused" || !opened.part || opened.total !== undefined) return opened;
  opened.cancel();
  return open(file, { signal });
}

/** Bytes from a place on; the last so many bytes are not asked for at a source, the whole is an answer to that as well. */
function askedRange(header: string | null): { readonly start: number; readonly end?: number } | undefined {
  const match = /^bytes=[ \t]*(\d{1,15})-(\d{0,15})[ \t]*$/i.exec(header ?? "");
  if (!match) return undefined;
  const start = Number(match[1]);
  if (!match[2]) return start === 0 ? undefined : { start };
  const end = Number(match[2]) + 1;
  return end > start ? { start, end } : undefined;
}

type Sending = {
  readonly status: 200 | 206;
  readonly start: number;
  readonly length: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
};

function sendingOf({ part, total }: Through, request: Request): Sending {
  const accept = { "accept-ranges": "bytes" };
  const asked = part ? askedRange(request.headers.get("range")) : undefined;
  if (!asked || total === undefined) {
    const headers = { ...accept, ...(total !== undefined && { "content-length": `${total}` }) };
    return { status: 200, start: 0, length: total, headers };
  }
  const end = Math.min(asked.end ?? total, total);
  const length = end - asked.start;
  if (length <= 0) throw new HttpProblem(416, [], { ...accept, "content-range": `bytes */${total}` });
  const range = { "content-length": `${length}`, "content-range": `bytes ${asked.start}-${end - 1}/${total}` };
  return { status: 206, start: asked.start, length, headers: { ...accept, ...range } };
}

/** The source's own, so that it can judge a client that goes on. */
function validators({ validator }: Through): Readonly<Record<string, string>> {
  if (validator === undefined) return {};
  if (validator.startsWith('"')) return { etag: validator };
  return /^[A-Z][a-z]{2}, [\w :]+ GMT$/.test(validator) ? { "last-modified": validator } : {};
}

function tagOf(file: FileRow, validator: string): string {
  return `r${file.id}-${createHash("sha256").update(validator).digest("hex").slice(0, 32)}`;
}

/** Statuses of a source that mean the same to our client. */
const RELAYED = new Set([404, 410, 429, 503]);
/** A file that will not come back by itself. */
const LASTING = new Set([404, 410]);

async function refusal(
  deps: ReferenceFileDeps,
  file: FileRow,
  { refused, head }: { readonly refused: NotThrough; readonly head: boolean },
): Promise<HttpProblem> {
  const { why, reason, status, retryAfterMs } = refused;
  const lasting = why === "forbidden" || (status !== undefined && LASTING.has(status));
  if (lasting && !head) await markDownloadFailed(deps.db, file.id, reason);
  const wait: Record<string, string> =
    retryAfterMs === undefined ? {} : { "retry-after": `${Math.ceil(retryAfterMs / 1000)}` };
  const messages = [`Cannot download file ${file.id}: ${reason}`];
  switch (why) {
    case "notReady":
      return new HttpProblem(202, messages, { "retry-after": "10", ...wait });
    case "beyond":
      return new HttpProblem(416, []);
    case "forbidden":
      return new HttpProblem(422, messages);
    case "silent":
      return new HttpProblem(504, messages);
    case "failed":
      return new HttpProblem(status !== undefined && RELAYED.has(status) ? status : 502, messages, wait);
    default:
      return why satisfies never;
  }
}
