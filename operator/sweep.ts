/**
 * What nobody's event tells: rows and resources that do not match, orders whose time is over, processes in baskets, blobs that no file
 * refers to.
 * All of it is found out by looking, and each step is one that another sweep, or another leader's, may do as well.
 */
import { attachedProcessNames } from "#store/baskets.ts";
import { collectBlobs } from "#store/blob-rows.ts";
import type { BlobStore } from "#store/blobs/blob-store.ts";
import { expiredOrders, leavingOrders, notice, type OrderRow, purgeFiles, recordProgress } from "#store/orders.ts";
import { isMadeFor } from "./order/facts.ts";
import { compareResources, type ResourcePorts } from "./resources.ts";

export type SweepPorts = ResourcePorts & {
  readonly blobs: BlobStore;
  readonly blobGraceMs: number;
  readonly wakeProcess: (name: string) => void;
};

/** One sweep over everything; a part that fails does not keep the others from being done. */
export async function sweep(ports: SweepPorts, signal: AbortSignal): Promise<void> {
  for (const part of [compareResources, expire, finishLeaving, lookAtAttached, collect]) {
    if (signal.aborted) return;
    try {
      await part(ports, signal);
    } catch (error) {
      ports.logger.warn({ part: part.name, err: error }, "Sweep failed and is tried again");
    }
  }
}

/** Orders are told by their own controller that their time is over; of those that never had a resource nobody else would. */
async function expire(ports: SweepPorts, signal: AbortSignal): Promise<void> {
  for (const row of await expiredOrders(ports.db, ports.now())) {
    if (signal.aborted) return;
    if (row.resourceUid !== undefined || (await hasResource(ports, row))) ports.wake(row.resourceName);
    else await forget(ports, row);
  }
}

async function hasResource({ orders }: SweepPorts, row: OrderRow): Promise<boolean> {
  const there = orders.cache.get(row.resourceName) ?? (await orders.api.get(row.resourceName));
  return there !== undefined && isMadeFor(there, row);
}

async function forget({ db, now }: SweepPorts, row: OrderRow): Promise<void> {
  const files = { ...row.files, pending: 0, available: 0 };
  const bytes = { ...row.bytes, available: 0 };
  const subOrders = { ...row.subOrders, waiting: 0, running: 0 };
  const model = {
    ...row,
    status: "EXPIRED" as const,
    files,
    bytes,
    subOrders,
    waitingForUser: false,
    suspended: false,
  };
  await recordProgress(db, row.id, { model, messages: [notice(row, "EXPIRED")], now: now() });
  await purgeFiles(db, row.id);
}

/** Who gave back their files died in the middle of it. */
async function finishLeaving({ db }: SweepPorts, signal: AbortSignal): Promise<void> {
  for (const row of await leavingOrders(db)) {
    if (signal.aborted) return;
    await purgeFiles(db, row.id);
  }
}

/** A process may have gone while nobody watched, and the rights of a user are no event. */
async function lookAtAttached({ db, wakeProcess }: SweepPorts): Promise<void> {
  for (const name of await attachedProcessNames(db)) wakeProcess(name);
}

async function collect(ports: SweepPorts): Promise<void> {
  const { db, blobs, blobGraceMs } = ports;
  const removed = await collectBlobs(db, blobs, { now: ports.now(), unusedFor: blobGraceMs });
  if (removed.blobs > 0) ports.logger.info(removed, "Unused files were removed");
}
