/**
 * Orders made out of what was there already (a basket, another order) under a key of the client's. The same request again is answered with the
 * order that it made, whatever has become of the basket; another one under that key is refused.
 */
import type { Db } from "#store/db.ts";
import { findOrderByKey, type InsertOrder, type OrderRow } from "#store/orders.ts";
import type { Call } from "../http/call.ts";
import { idempotencyKey, requestHash } from "../http/idempotency.ts";
import { HttpProblem } from "../http/problem.ts";

export type RequestKey = Required<Pick<InsertOrder, "correlationId" | "requestHash">>;

export function requestKey(call: Call): RequestKey | undefined {
  const correlationId = idempotencyKey(call.request);
  return correlationId === undefined ? undefined : { correlationId, requestHash: requestHash(call) };
}

/** The order that this very request has made before. Throws 409. */
export async function repeated(db: Db, owner: string, key: RequestKey | undefined): Promise<OrderRow | undefined> {
  const row = key && (await findOrderByKey(db, owner, key.correlationId));
  if (!row || row.requestHash === key.requestHash) return row;
  throw new HttpProblem(409, [`Idempotency-Key: already used by order ${row.id} with another request`]);
}
