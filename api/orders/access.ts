/**
 * The only door from a route to an order: by number, for this caller. What is not the caller's is never handed out, so no route can forget
 * to ask. Reading and acting refuse differently, as the contract has it (403 without a word, 401 with a code).
 */
import type { Db } from "#store/db.ts";
import { findOrder, type OrderRow } from "#store/orders.ts";
import { type OrderTokenKey, opens, verifyOrderToken } from "../auth/order-tokens.ts";
import { mayManage, type Principal } from "../auth/principal.ts";
import type { Call } from "../http/call.ts";
import { HttpProblem } from "../http/problem.ts";

/** An order to look at: 404 or 403, both with an empty body. */
export async function orderToRead(db: Db, principal: Principal, id: number): Promise<OrderRow> {
  const row = await findOrder(db, id);
  if (!row) throw new HttpProblem(404, []);
  if (!mayManage(principal, row.owner)) throw new HttpProblem(403, []);
  return row;
}

/** An order whose files are asked for: refused as to look at, and 410 with the date once they are given back. */
export async function orderWithFiles(db: Db, principal: Principal, id: number): Promise<OrderRow> {
  const row = await orderToRead(db, principal, id);
  refuseGivenBack(row);
  return row;
}

/** 410 once the order's files are given back: by then their rows are gone too, or are going. */
export function refuseGivenBack(row: OrderRow): void {
  const what = `The files of order ${row.id} were given back`;
  if (row.status === "DELETED")
    throw new HttpProblem(410, [`${what}: it was deleted at ${row.statusTime.toISOString()}`]);
  if (row.status !== "EXPIRED" && !row.purged) return;
  const at = row.expirationTime ?? row.statusTime;
  throw new HttpProblem(410, [`${what}: it expired at ${at.toISOString()}`]);
}

/** An order to act upon: 404 with a word, 401 with the contract's code. */
export async function orderToManage(db: Db, principal: Principal, id: number): Promise<OrderRow> {
  const row = await findOrder(db, id);
  if (!row) throw new HttpProblem(404, [`Order ${id} does not exist`]);
  if (!mayManage(principal, row.owner)) throw new HttpProblem(401, ["USER_NOT_ALLOWED_TO_MANAGE_ORDER"]);
  return row;
}

export type TokenDeps = { readonly db: Db; readonly orderTokens: OrderTokenKey; readonly now: () => Date };

/** The order that the token opens: the token alone says which. */
export async function orderByToken({ db, orderTokens, now }: TokenDeps, { query }: Call): Promise<OrderRow> {
  const token = query.get("orderToken");
  if (!token) throw new HttpProblem(401, ["orderToken: missing"]);
  const claims = await verifyOrderToken(orderTokens, token, now());
  const order = await findOrder(db, claims.orderId);
  if (!order) throw new HttpProblem(404, []);
  if (!opens(claims, order)) throw new HttpProblem(401, ["orderToken: invalid"]);
  return order;
}
