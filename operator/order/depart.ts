/**
 * An order whose resource is gone although nobody here took it away: somebody deleted it, so its work ends, its requester is told, its files are
 * given back, as for any other deletion. Nothing of it is held by a finalizer, so that a namespace can always be deleted (docs/adr/0015).
 *
 * That the resource is gone is believed of the server alone, by UID; the namespace is asked for after that: one that is on its way out, is no more,
 * or is another than the resource's took the resource along, and the order must not suffer for it. Neither answer ever turns, so each step may be
 * repeated, and a process that dies in between leaves a row that the sweep finds.
 */
import { orderResource } from "#crds/order-resource.ts";
import type { SubOrder } from "#crds/suborder.ts";
import type { Pod } from "#kube/kinds.ts";
import { ownNamespace } from "#kube/namespace.ts";
import { findOrderByResource, type OrderRow, recordProgress } from "#store/orders.ts";
import { isFinished } from "../suborder/outcome.ts";
import { execute } from "./execute.ts";
import { isDeleting, isOwnedBy } from "./facts.ts";
import { observe } from "./observe.ts";
import { plan } from "./plan.ts";
import { BY_ORDER, type OrderPorts } from "./ports.ts";

export type Departed = { readonly name: string; readonly uid: string };

/** How often to look again at work that should have stopped. */
const STOPPING_MS = 2000;

/** One pass; in how many milliseconds to come back, if there is more to do. */
export async function depart(ports: OrderPorts, { name, uid }: Departed): Promise<number | undefined> {
  const row = await findOrderByResource(ports.db, { name, uid });
  if (row === undefined || !(await wasDeleted(ports, row))) return undefined;
  const order = asIfDeleted(row, ports.now());
  if (await isStopping(ports, row)) return STOPPING_MS;
  const { model, messages, told, actions, requeueAfterMs } = plan(await observe(ports, order, {}), ports.now());
  if (model && (await recordProgress(ports.db, row.id, { model, messages, told, now: ports.now() }))) {
    ports.logger.info(
      { order: row.id, resource: name, status: model.status },
      "Order whose resource is gone has moved",
    );
  }
  for (const action of actions) await execute(ports, order, action);
  return requeueAfterMs;
}

async function wasDeleted({ orders, transport }: OrderPorts, row: OrderRow): Promise<boolean> {
  const there = await orders.api.get(row.resourceName);
  if (there?.metadata.uid === row.resourceUid) return false;
  const namespace = await ownNamespace(transport);
  return namespace !== undefined && !namespace.isLeaving && namespace.uid === row.namespaceUid;
}

/** The resource as it would stand there if it had waited for us. */
function asIfDeleted(row: OrderRow, now: Date) {
  const order = orderResource(row);
  const { resourceUid: uid = "" } = row;
  return { ...order, metadata: { ...order.metadata, uid, deletionTimestamp: now.toISOString() } };
}

/** Owner references take SubOrders, Jobs and pods along; SubOrders that were told to forget their owner are taken away here. */
async function isStopping(ports: OrderPorts, row: OrderRow): Promise<boolean> {
  const key = String(row.id);
  const subOrders = ports.subOrders.cache
    .by(BY_ORDER, key)
    .filter((each) => isOwnedBy(each, row.resourceUid) || isOrphan(each));
  for (const { metadata } of subOrders.filter((each) => !isDeleting(each))) {
    await execute(ports, orderResource(row), { kind: "deleteSubOrder", name: metadata.name, uid: metadata.uid ?? "" });
  }
  const jobs = ports.jobs.cache.by(BY_ORDER, key).filter((job) => !isFinished(job));
  const pods = ports.pods.cache.by(BY_ORDER, key).filter(isRunning);
  return subOrders.length + jobs.length + pods.length > 0;
}

function isOrphan({ metadata }: SubOrder): boolean {
  return !metadata.ownerReferences?.some(({ controller }) => controller === true);
}

function isRunning({ status }: Pod): boolean {
  return status?.phase !== "Succeeded" && status?.phase !== "Failed";
}
