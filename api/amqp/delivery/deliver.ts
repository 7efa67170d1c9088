/**
 * One claimed delivery to its end: told as failed when its order did or its time is over, else packed and uploaded. While it uploads the claim is
 * extended; if it is lost the work is dropped, because another does it. What the bucket cannot do now is tried again until the delivery expires.
 */
import type { Logger } from "pino";
import { backoffMs, limited, pause } from "#kube/pause.ts";
import { BlobMissing, type BlobStore } from "#store/blobs/blob-store.ts";
import type { Db } from "#store/db.ts";
import { type ClaimedDelivery, endDelivery, extendClaim, postponeDelivery } from "#store/deliveries.ts";
import { allFiles, type FileRow, markDownloaded } from "#store/files.ts";
import { findOrder, type OrderRow } from "#store/orders.ts";
import type { Bucket } from "#store/s3/bucket.ts";
import { uploadOnce } from "#store/s3/upload.ts";
import type { Source } from "../../download/archive.ts";
import { openBlob } from "../../download/blob-bytes.ts";
import { missingFiles } from "../../download/presence.ts";
import { archiveBytes } from "../../download/zip/stream.ts";
import { deliveryArchive } from "./archive.ts";
import { type Delivered, deliveryDone, deliveryFailed, type Failure } from "./messages.ts";

export type DeliveryPlace = {
  readonly bucket: Bucket;
  /** Keys begin with it; empty or with a slash at its end. */
  readonly prefix: string;
};

export type DeliverDeps = {
  readonly db: Db;
  readonly blobs: BlobStore;
  readonly place: DeliveryPlace;
  readonly tenant: string;
  /** Address of a single file, for those that the archive only names. */
  readonly fileUrl: (id: number) => string;
  readonly now: () => Date;
  readonly random: () => number;
  readonly logger: Logger;
};

export const LEASE_SECONDS = 60;
const EXTEND_EVERY_MS = 15_000;
const PAUSES = { firstMs: 2_000, longestMs: 300_000 };

/** Resolves when this process is done with it; throws only for faults of the database. */
export async function deliver(deps: DeliverDeps, claim: ClaimedDelivery, signal: AbortSignal): Promise<void> {
  const order = await findOrder(deps.db, claim.orderId);
  const failure = order === undefined ? GONE : failureOf(claim, { order, now: deps.now() });
  if (failure !== undefined || order === undefined) return void (await fail(deps, claim, failure ?? GONE));
  const lost = new AbortController();
  const keeping = keepClaim(deps, claim, lost);
  try {
    const delivered = await limited(LONGEST_TRY_MS, [signal, lost.signal], (limit) =>
      bring(deps, { claim, order }, limit),
    );
    await done(deps, claim, delivered);
  } catch (error) {
    await later(deps, claim, { error, interrupted: signal.aborted });
  } finally {
    lost.abort(new Error("It is over"));
    await keeping;
  }
}

const LONGEST_TRY_MS = 12 * 3_600_000;
const GONE: Failure = { errorType: "INTERNAL_ERROR", message: "The order of this delivery was deleted" };

/** Why there is nothing to deliver; undefined if there is. Pure. */
export function failureOf(
  claim: ClaimedDelivery,
  { order, now }: { readonly order: OrderRow; readonly now: Date },
): Failure | undefined {
  const { owner, status } = order;
  if (status === "DONE" && claim.expiresAt > now) return undefined;
  if (status === "FAILED") {
    const text = "finished with errors. One or many files could not be retrieved.";
    return { errorType: "INTERNAL_ERROR", message: `Order of user ${owner} is ${text}` };
  }
  if (status === "DONE_WITH_WARNING") {
    return { errorType: "INTERNAL_ERROR", message: `Order of user ${owner} is finished with some warnings.` };
  }
  if (status === "DELETED") return GONE;
  const why = claim.lastError === undefined ? "" : `; the last try failed: ${claim.lastError}`;
  return { errorType: "EXPIRED", message: `The delivery was not done in time${why}` };
}

/** Until `over` aborts; aborts it where the claim is another's by now, or cannot be held for as long as it lasts. */
async function keepClaim({ db }: DeliverDeps, claim: ClaimedDelivery, over: AbortController): Promise<void> {
  let heldAt = performance.now();
  while (!over.signal.aborted) {
    await pause(EXTEND_EVERY_MS, over.signal).catch(() => {});
    if (over.signal.aborted) return;
    const held = await extendClaim(db, claim, LEASE_SECONDS).catch(() => undefined);
    if (held) heldAt = performance.now();
    else if (held === false || performance.now() - heldAt > LEASE_SECONDS * 1000) {
      over.abort(new Error("The claim is another's by now"));
    }
  }
}

/** Packs and uploads; every step may be broken off and be done again. */
async function bring(
  deps: DeliverDeps,
  { claim, order }: { claim: ClaimedDelivery; order: OrderRow },
  signal: AbortSignal,
): Promise<Delivered> {
  const { blobs, place, fileUrl } = deps;
  const files = (await Array.fromAsync(allFiles(deps.db, order.id), (page) => page.filter(isThere))).flat();
  const missing = await missingFiles(deps, files);
  if (missing.size > 0) throw new BlobMissing(files.find(({ id }) => missing.has(id))?.sha256 ?? "unknown");
  const { name, archive } = deliveryArchive(order, { correlationId: claim.correlationId, files, fileUrl });
  const open = async (source: Source, part: { start: number; end: number }) => {
    if (source.kind === "text") return new Blob([source.bytes.subarray(part.start, part.end)]).stream();
    return (await openBlob(blobs, source.sha256, part))(undefined);
  };
  const key = folderOf(deps, claim) + name;
  const { plan } = archive;
  const bytes = () => archiveBytes(plan, { start: 0, end: plan.size }, open);
  const uploaded = await uploadOnce(place.bucket, { key, bytes, size: plan.size, signal });
  await markAsDownloaded(deps, files);
  return { url: `s3://${place.bucket.name}/${key}`, ...uploaded };
}

function isThere({ state }: FileRow): boolean {
  return state === "AVAILABLE" || state === "DOWNLOADED";
}

function folderOf({ place, tenant }: DeliverDeps, { orderId }: ClaimedDelivery): string {
  return `${place.prefix}${tenant}/${orderId}/`;
}

const MARKED_AT_ONCE = 10_000;

/** The user has them, so they hold back no further sub-order. */
async function markAsDownloaded({ db, now }: DeliverDeps, files: readonly FileRow[]): Promise<void> {
  const ids = files.filter(({ reference }) => !reference).map(({ id }) => id);
  for (let i = 0; i < ids.length; i += MARKED_AT_ONCE) {
    await markDownloaded(db, ids.slice(i, i + MARKED_AT_ONCE), { now: now() });
  }
}

async function done(deps: DeliverDeps, claim: ClaimedDelivery, delivered: Delivered): Promise<void> {
  const message = deliveryDone(claim, delivered);
  const ended = await endDelivery(deps.db, claim, { state: "Done", result: delivered, message, now: deps.now() });
  if (ended) deps.logger.info({ orderId: claim.orderId, ...delivered }, "a delivery is done");
}

async function fail(deps: DeliverDeps, claim: ClaimedDelivery, failure: Failure): Promise<void> {
  const message = deliveryFailed(claim, failure);
  await forgetUploads(deps, claim);
  await endDelivery(deps.db, claim, { state: "Failed", result: failure, message, now: deps.now() });
  deps.logger.warn({ orderId: claim.orderId, ...failure }, "a delivery has failed");
}

const FORGET_WITHIN_MS = 10_000;

/** Gives up what was begun; a bucket that does not answer must not keep the requester from being told. */
async function forgetUploads(deps: DeliverDeps, claim: ClaimedDelivery): Promise<void> {
  const { bucket } = deps.place;
  try {
    await limited(FORGET_WITHIN_MS, [], async (signal) => {
      for (const { key, id } of await bucket.uploads(folderOf(deps, claim), signal)) {
        await bucket.abortUpload(key, id, signal);
      }
    });
  } catch (error) {
    deps.logger.warn({ err: error, orderId: claim.orderId }, "an unfinished upload may be left in the bucket");
  }
}

/** Told to stop, it gives the delivery back at once, for another to go on. */
async function later(
  deps: DeliverDeps,
  claim: ClaimedDelivery,
  { error, interrupted }: { readonly error: unknown; readonly interrupted: boolean },
): Promise<void> {
  if (interrupted) return await postponeDelivery(deps.db, claim, { seconds: 0 });
  if (error instanceof BlobMissing) {
    return await fail(deps, claim, {
      errorType: "INTERNAL_ERROR",
      message: "Stored files of the order are gone, order them again",
    });
  }
  const text = error instanceof Error ? error.message.slice(0, 500) : String(error);
  const untilExpiry = Math.max(0, claim.expiresAt.getTime() - deps.now().getTime());
  const ms = Math.min(backoffMs(claim.attempts, { ...PAUSES, random: deps.random }), untilExpiry);
  deps.logger.warn({ err: error, orderId: claim.orderId, retryInMs: Math.round(ms) }, "cannot deliver now");
  await postponeDelivery(deps.db, claim, { seconds: ms / 1000, error: text });
}
