/**
 * What nobody's event tells: rows whose resource was never made, orders whose time is over, blobs that no file refers to.
 * All of it is found out by looking, and each step is one that another sweep, or another leader's, may do as well.
 */
import type { Logger } from "pino";
import { isFinal } from "#crds/files.ts";
import type { Order } from "#crds/order.ts";
import { orderResource } from "#crds/order-resource.ts";
import type { Cache } from "#kube/cache.ts";
import { isAlreadyExists, isInvalid } from "#kube/errors.ts";
import type { ResourceApi } from "#kube/resource.ts";
import { collectBlobs } from "#store/blob-rows.ts";
import type { BlobStore } from "#store/blobs/blob-store.ts";
import type { Db } from "#store/db.ts";
import {
  expiredOrders,
  notice,
  type OrderRow,
  ordersWithoutResource,
  purgeFiles,
  recordProgress,
} from "#store/orders.ts";

export type SweepPorts = {
  readonly db: Db;
  readonly orders: { readonly api: ResourceApi<Order>; readonly cache: Cache<Order> };
  readonly blobs: BlobStore;
  readonly wake: (name: string) => void;
  readonly blobGraceMs: number;
  readonly now: () => Date;
  readonly logger: Logger;
};

/** The one who made the row gets this long to make the resource too. */
const INTENT_GRACE_MS = 10_000;

/** One sweep over everything; a part that fails does not keep the others from being done. */
export async function sweep(ports: SweepPorts, signal: AbortSignal): Promise<void> {
  for (const part of [makeResources, expire, collect]) {
    if (signal.aborted) return;
    try {
      await part(ports, signal);
    } catch (error) {
      ports.logger.warn({ part: part.name, err: error }, "Sweep failed and is tried again");
    }
  }
}

/** The process that made the row died before it could make the resource: the row is the promise, so it is kept. */
async function makeResources(ports: SweepPorts, signal: AbortSignal): Promise<void> {
  const before = new Date(ports.now().getTime() - INTENT_GRACE_MS);
  for (const row of await ordersWithoutResource(ports.db, { before })) {
    if (signal.aborted) return;
    if (!isFinal(row.status)) await makeResource(ports, row);
  }
}

async function makeResource(ports: SweepPorts, row: OrderRow): Promise<void> {
  try {
    await ports.orders.api.create(orderResource(row));
    ports.logger.info({ order: row.id, resource: row.resourceName }, "Resource of an order was made anew");
  } catch (error) {
    if (isAlreadyExists(error)) ports.wake(row.resourceName);
    else if (isInvalid(error)) await giveUp(ports, row, error);
    else throw error;
  }
}

/** No resource can be made of it: the requester is told, and it is not tried for ever. */
async function giveUp({ db, now, logger }: SweepPorts, row: OrderRow, error: unknown): Promise<void> {
  const at = now();
  const message = error instanceof Error ? error.message : String(error);
  logger.error({ order: row.id, err: error }, "Order cannot be made a resource of and has failed");
  const payload = { correlationId: row.correlationId, orderId: row.id, status: "FAILED", message };
  const errorFields = { errorType: "INTERNAL_ERROR", errorCode: "INTERNAL_ERROR", errors: 1 };
  await recordProgress(db, row.id, {
    model: { ...row, status: "FAILED", completionTime: at, expirationTime: at, message },
    messages: [{ dedupKey: "final:0", kind: "FAILED", payload: { ...payload, ...errorFields } }],
    now: at,
  });
}

/** Orders are told by their own controller that their time is over; of those without a resource nobody else would. */
async function expire(ports: SweepPorts, signal: AbortSignal): Promise<void> {
  for (const row of await expiredOrders(ports.db, ports.now())) {
    if (signal.aborted) return;
    if (await hasResource(ports, row)) ports.wake(row.resourceName);
    else await forget(ports, row);
  }
}

async function hasResource({ orders }: SweepPorts, row: OrderRow): Promise<boolean> {
  if (orders.cache.get(row.resourceName) !== undefined) return true;
  return (await orders.api.get(row.resourceName)) !== undefined;
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

async function collect(ports: SweepPorts): Promise<void> {
  const { db, blobs, blobGraceMs } = ports;
  const removed = await collectBlobs(db, blobs, { now: ports.now(), unusedFor: blobGraceMs });
  if (removed.blobs > 0) ports.logger.info(removed, "Unused files were removed");
}
