/**
 * Forgetting an order for good (O10). Its resource must have gone before its row: the operator would take a resource without a row for a
 * new order and do it all again. The operator removes it when an order is deleted, so this only waits a moment for that.
 */
import { setTimeout } from "node:timers/promises";
import { KubeError } from "#kube/errors.ts";
import type { Transport } from "#kube/transport.ts";
import type { Db } from "#store/db.ts";
import { findOrder, type OrderRow, removeOrder as removeRow } from "#store/orders.ts";
import { type Handler, idParam } from "../http/call.ts";
import { HttpProblem } from "../http/problem.ts";
import { respond } from "../http/respond.ts";
import { orderToManage } from "./access.ts";
import { orderResources } from "./resource.ts";

export type RemoveDeps = { readonly db: Db; readonly transport: Transport };

const GONE_WITHIN_MS = 2_000;
const POLL_MS = 50;
const LOOK_LIMIT_MS = 5_000;

export function removeOrder(deps: RemoveDeps): Handler {
  return async (call) => {
    const row = await orderToManage(deps.db, call.principal, idParam(call, "orderId"));
    if (row.status !== "DELETED") throw new HttpProblem(401, ["ORDER_MUST_BE_DELETED"]);
    if (!(await resourceGone(deps, row))) throw tryAgain(row, "its resource is still going");
    if (!(await removeRow(deps.db, row.id)) && (await findOrder(deps.db, row.id))) {
      throw new HttpProblem(401, ["ORDER_MUST_BE_DELETED"]);
    }
    return respond(200, null);
  };
}

async function resourceGone(deps: RemoveDeps, row: OrderRow): Promise<boolean> {
  const end = performance.now() + GONE_WITHIN_MS;
  for (;;) {
    if (!(await isItsResource(deps, row))) return true;
    if (performance.now() >= end) return false;
    await setTimeout(POLL_MS);
  }
}

/** Whether a resource is there that the row belongs to; another one of its name does not matter. */
async function isItsResource(deps: RemoveDeps, row: OrderRow): Promise<boolean> {
  try {
    const resource = await orderResources(deps.transport).get(row.resourceName, {
      signal: AbortSignal.timeout(LOOK_LIMIT_MS),
    });
    return resource !== undefined && (row.resourceUid === undefined || resource.metadata.uid === row.resourceUid);
  } catch (error) {
    if (error instanceof KubeError) throw tryAgain(row, "Kubernetes does not answer now");
    throw error;
  }
}

function tryAgain(row: OrderRow, why: string): HttpProblem {
  return new HttpProblem(503, [`Cannot remove order ${row.id}: ${why}`], { "retry-after": "5" });
}
