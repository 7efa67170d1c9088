/**
 * Rows and resources held against each other, where no event tells: rows that have no resource get one, rows whose resource is gone are looked into,
 * and rows whose resource went with another namespace (a restored database, a cluster built anew) come here with all that they have.
 *
 * Nothing is moved while the operator of the other namespace may live: it says so in the database with every sweep.
 */
import type { Logger } from "pino";
import { orderName } from "#crds/names.ts";
import type { Order } from "#crds/order.ts";
import { orderResource } from "#crds/order-resource.ts";
import type { Cache } from "#kube/cache.ts";
import { isAlreadyExists, isInvalid } from "#kube/errors.ts";
import { ownNamespace } from "#kube/namespace.ts";
import type { ResourceApi } from "#kube/resource.ts";
import type { Transport } from "#kube/transport.ts";
import type { Db } from "#store/db.ts";
import {
  type BoundOrder,
  bindResource,
  boundOrders,
  type OrderRow,
  ordersWithoutResource,
  placeResources,
  recordProgress,
  renameResource,
  servedNamespaces,
  serveNamespace,
  unbindResources,
} from "#store/orders.ts";
import type { Departures } from "./order/departures.ts";
import { isMadeFor } from "./order/facts.ts";

export type ResourcePorts = {
  readonly db: Db;
  readonly orders: { readonly api: ResourceApi<Order>; readonly cache: Cache<Order> };
  readonly transport: Transport;
  readonly departures: Departures;
  readonly wake: (name: string) => void;
  readonly awayMs: number;
  readonly now: () => Date;
  readonly logger: Logger;
};

/** The one who made the row gets this long to make the resource too. */
const INTENT_GRACE_MS = 10_000;
const PAGE = 1000;

/** Does nothing in a namespace that is on its way out, or is no more. */
export async function compareResources(ports: ResourcePorts, signal: AbortSignal): Promise<void> {
  const namespace = await ownNamespace(ports.transport, { signal });
  if (namespace === undefined || namespace.isLeaving) return;
  const now = ports.now();
  await serveNamespace(ports.db, namespace.uid, { now });
  const served = await servedNamespaces(ports.db, { since: new Date(now.getTime() - ports.awayMs) });
  let after = 0;
  for (;;) {
    signal.throwIfAborted();
    const bound = await boundOrders(ports.db, { after, limit: PAGE });
    await comparePage(ports, bound, { namespaceUid: namespace.uid, served });
    const last = bound.at(-1);
    if (last === undefined || bound.length < PAGE) break;
    after = last.id;
  }
  await makeResources(ports, { namespaceUid: namespace.uid, signal });
}

async function comparePage(
  { db, orders, departures, wake, logger }: ResourcePorts,
  bound: readonly BoundOrder[],
  { namespaceUid, served }: { readonly namespaceUid: string; readonly served: ReadonlySet<string> },
): Promise<void> {
  const isThere = ({ resourceName, resourceUid }: BoundOrder) =>
    orders.cache.get(resourceName)?.metadata.uid === resourceUid;
  const here = bound.filter((row) => row.namespaceUid === namespaceUid);
  for (const row of here.filter((each) => !isThere(each))) {
    departures.note(row.resourceName, row.resourceUid);
    wake(row.resourceName);
  }
  const elsewhere = bound.filter((row) => row.namespaceUid !== namespaceUid);
  await placeResources(db, namespaceUid, elsewhere.filter(isThere));
  const gone = elsewhere.filter((row) => !isThere(row));
  const lost = gone.filter((row) => !served.has(row.namespaceUid ?? ""));
  const kept = gone.length - lost.length;
  if (kept > 0)
    logger.warn({ orders: kept }, "Orders are served in another namespace, and stay there until it is silent");
  if (lost.length > 0)
    logger.warn({ orders: lost.length }, "Resources of orders went with their namespace and are made anew");
  await unbindResources(db, lost);
}

async function makeResources(
  ports: ResourcePorts,
  o: { readonly namespaceUid: string; readonly signal: AbortSignal },
): Promise<void> {
  const before = new Date(ports.now().getTime() - INTENT_GRACE_MS);
  for (const row of await ordersWithoutResource(ports.db, { before })) {
    o.signal.throwIfAborted();
    await makeResource(ports, { row, namespaceUid: o.namespaceUid });
  }
}

/** The row is the promise, so it is kept. Bound at once: one that somebody deletes right away is not made again. */
async function makeResource(
  { db, orders, wake, logger, now }: ResourcePorts,
  { row, namespaceUid }: { readonly row: OrderRow; readonly namespaceUid: string },
): Promise<void> {
  try {
    const { metadata } = await orders.api.create(orderResource(row));
    await bindResource(db, row.id, { uid: metadata.uid ?? "", namespaceUid });
    logger.info({ order: row.id, resource: row.resourceName }, "Resource of an order was made anew");
  } catch (error) {
    if (isAlreadyExists(error)) await meetNamesake({ db, orders, wake }, row);
    else if (isInvalid(error)) await giveUp({ db, now, logger }, row, error);
    else throw error;
  }
}

/** A rival has made it just now; or it is somebody else's, and the row takes the name that nobody but us gives. */
async function meetNamesake(
  { db, orders, wake }: Pick<ResourcePorts, "db" | "orders" | "wake">,
  row: OrderRow,
): Promise<void> {
  const there = await orders.api.get(row.resourceName);
  if (there === undefined || isMadeFor(there, row)) wake(row.resourceName);
  else await renameResource(db, row.id, orderName(row.id));
}

/** No resource can be made of it: the requester is told, and it is not tried for ever. */
async function giveUp(
  { db, now, logger }: Pick<ResourcePorts, "db" | "now" | "logger">,
  row: OrderRow,
  error: unknown,
): Promise<void> {
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
