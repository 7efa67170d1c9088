/** Reading orders: by number, by key, by resource. Every read goes through an index; none touches the files. */
import type { Db } from "../db.ts";
import { type OrderRow, orderColumns, type StoredOrder, toOrderRow } from "./rows.ts";

export async function findOrder(db: Db, id: number): Promise<OrderRow | undefined> {
  const [row] = await db<StoredOrder[]>`SELECT ${orderColumns(db)} FROM orders WHERE id = ${id}`;
  return row && toOrderRow(row);
}

/** The order that this owner asked for under this correlation id. */
export async function findOrderByKey(db: Db, owner: string, correlationId: string): Promise<OrderRow | undefined> {
  const [row] = await db<StoredOrder[]>`
    SELECT ${orderColumns(db)} FROM orders WHERE owner = ${owner} AND correlation_id = ${correlationId}`;
  return row && toOrderRow(row);
}

export type OrderKey = { readonly owner: string; readonly correlationId: string };

/** The orders with these keys, in their order. */
export async function findOrdersByKeys(db: Db, keys: readonly OrderKey[]): Promise<readonly (OrderRow | undefined)[]> {
  const rows = await db<StoredOrder[]>`
    SELECT ${orderColumns(db)} FROM orders
    WHERE (owner, correlation_id) IN (
      SELECT * FROM unnest(${keys.map((k) => k.owner)}::text[], ${keys.map((k) => k.correlationId)}::text[]))`;
  const found = new Map(rows.map((row) => [keyText(row), toOrderRow(row)]));
  return keys.map((key) => found.get(keyText(key)));
}

function keyText({ owner, correlationId }: OrderKey): string {
  return JSON.stringify([owner, correlationId]);
}

/** The order that this resource was bound to, and no other of its name. */
export async function findOrderByResource(
  db: Db,
  resource: { readonly name: string; readonly uid: string },
): Promise<OrderRow | undefined> {
  const [row] = await db<StoredOrder[]>`
    SELECT ${orderColumns(db)} FROM orders WHERE resource_name = ${resource.name} AND resource_uid = ${resource.uid}`;
  return row && toOrderRow(row);
}

/** Orders asked for before that time that should have a resource and have none: the process died between the two, or it went with its namespace. */
export async function ordersWithoutResource(db: Db, o: { readonly before: Date }): Promise<readonly OrderRow[]> {
  const rows = await db<StoredOrder[]>`
    SELECT ${orderColumns(db)} FROM orders
    WHERE resource_uid IS NULL AND created_at < ${o.before} AND status NOT IN ('EXPIRED', 'DELETED')
    ORDER BY created_at
    LIMIT 1000`;
  return rows.map(toOrderRow);
}

/** Orders whose time is over and whose read model does not say so yet, the longest overdue first. */
export async function expiredOrders(db: Db, now: Date): Promise<readonly OrderRow[]> {
  const rows = await db<StoredOrder[]>`
    SELECT ${orderColumns(db)} FROM orders
    WHERE expiration_time <= ${now} AND status NOT IN ('EXPIRED', 'DELETED')
    ORDER BY expiration_time
    LIMIT 1000`;
  return rows.map(toOrderRow);
}
