/**
 * What a user asks of an order that exists: a patch of its resource, which is where wishes live. The answer waits a moment until the read
 * model shows the effect, so that a client that looks right after sees it; when that takes longer, the wish stands all the same.
 */

import { setTimeout } from "node:timers/promises";
import { MANAGER } from "#crds/names.ts";
import type { Order, OrderSpec } from "#crds/order.ts";
import { isInvalid, isNotFound, KubeError } from "#kube/errors.ts";
import type { ResourceApi } from "#kube/resource.ts";
import type { Transport } from "#kube/transport.ts";
import type { Db } from "#store/db.ts";
import { findOrder, notice, type OrderRow, recordProgress } from "#store/orders.ts";
import { type Handler, idParam } from "../http/call.ts";
import { HttpProblem } from "../http/problem.ts";
import { respond } from "../http/respond.ts";
import { orderToManage } from "./access.ts";
import { createResource, orderResources, type ResourceDeps } from "./resource.ts";
import { type ActionName, isOver, refusalOf } from "./state.ts";

export type ActionDeps = {
  readonly db: Db;
  readonly transport: Transport;
  readonly now: () => Date;
};

type Action = {
  /** What the resource's spec must say. */
  readonly change: (row: OrderRow) => Partial<OrderSpec>;
  /** Whether the read model shows the effect. */
  readonly visible: (row: OrderRow, before: OrderRow) => boolean;
};

const EFFECTS: Readonly<Record<ActionName, Action>> = {
  pause: { change: () => ({ suspend: true }), visible: (row) => row.status === "PAUSED" || isOver(row) },
  resume: { change: () => ({ suspend: false }), visible: (row) => row.status !== "PAUSED" },
  // Counted from what was served, so that a second click before the first has an effect asks for nothing more.
  retry: {
    change: (row) => ({ retry: row.retriesServed + 1 }),
    visible: (row, before) => row.retriesServed > before.retriesServed,
  },
  cancel: { change: () => ({ shutdown: "Cancel" }), visible: (row) => isOver(row) },
  delete: { change: () => ({ shutdown: "Delete" }), visible: (row) => row.status === "DELETED" },
};

const VISIBLE_WITHIN_MS = 2_000;
const POLL_MS = 25;
const PATCH_LIMIT_MS = 5_000;

export function orderAction(deps: ActionDeps, action: ActionName): Handler {
  return async (call) => {
    const row = await orderToManage(deps.db, call.principal, idParam(call, "orderId"));
    const refusal = refusalOf(action, row);
    if (refusal !== undefined) throw new HttpProblem(401, [refusal]);
    await ask(deps, action, row);
    await untilVisible(deps.db, row.id, (now) => EFFECTS[action].visible(now, row));
    return respond(200, null);
  };
}

export async function ask(deps: ActionDeps, action: ActionName, row: OrderRow): Promise<void> {
  if (await wish(deps, row, { verb: action, change: EFFECTS[action].change(row) })) return;
  await withoutResource(deps, action, row);
}

/** Writes what is wanted of an order into its resource, which is made when it was not yet; false when it is gone for good. */
export async function wish(
  deps: ResourceDeps,
  row: OrderRow,
  o: { readonly verb: string; readonly change: Partial<OrderSpec> },
): Promise<boolean> {
  try {
    if (await patched(orderResources(deps.transport), row, o.change)) return true;
    if (row.resourceUid !== undefined) return false;
    await createResource(deps, row, { change: o.change, signal: limit() });
    return true;
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    throw new HttpProblem(503, [`Cannot ${o.verb} order ${row.id}: Kubernetes does not take it now`], {
      "retry-after": "5",
    });
  }
}

function limit(): AbortSignal {
  return AbortSignal.timeout(PATCH_LIMIT_MS);
}

/** False when there is no resource, or another has its name by now: a patch cannot change a UID, which the server says with 422. */
async function patched(orders: ResourceApi<Order>, row: OrderRow, change: Partial<OrderSpec>): Promise<boolean> {
  const metadata = row.resourceUid === undefined ? {} : { metadata: { uid: row.resourceUid } };
  try {
    await orders.patch(row.resourceName, { ...metadata, spec: change }, { fieldManager: MANAGER, signal: limit() });
    return true;
  } catch (error) {
    if (isNotFound(error) || (isInvalid(error) && (await isAnother(orders, row)))) return false;
    throw error;
  }
}

async function isAnother(orders: ResourceApi<Order>, row: OrderRow): Promise<boolean> {
  const there = await orders.get(row.resourceName, { signal: limit() });
  return there?.metadata.uid !== row.resourceUid;
}

/** Once the resource is gone, only the row is left: deleting is the one thing that can still be asked, and nobody else writes it. */
async function withoutResource(deps: ActionDeps, action: ActionName, row: OrderRow): Promise<void> {
  if (action !== "delete" || !isOver(row)) {
    throw new HttpProblem(409, [`Cannot ${action} order ${row.id}: its resource is gone`]);
  }
  const model = { ...row, status: "DELETED" as const };
  await recordProgress(deps.db, row.id, { model, messages: [notice(row, "DELETED")], now: deps.now() });
}

/** The order once its row shows the effect; `undefined` when that takes longer than a client should wait for, or the order is no more. */
export async function untilVisible(
  db: Db,
  id: number,
  visible: (row: OrderRow) => boolean,
): Promise<OrderRow | undefined> {
  const end = performance.now() + VISIBLE_WITHIN_MS;
  while (performance.now() < end) {
    const row = await findOrder(db, id);
    if (!row || visible(row)) return row;
    await setTimeout(POLL_MS);
  }
  return undefined;
}
