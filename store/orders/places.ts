/**
 * Where the resources of orders live: which rows have one, made in which namespace, and who serves that namespace. A UID that is gone never comes
 * back, so what is decided of one here stays right; each write names the UID that it was decided for.
 */
import type { Db } from "../db.ts";
import { type OrderRow, orderColumns, type StoredOrder, toOrderRow } from "./rows.ts";

/** A row with a resource, whose files are not all given back. */
export type BoundOrder = {
  readonly id: number;
  readonly resourceName: string;
  readonly resourceUid: string;
  /** Absent: from before it was remembered. */
  readonly namespaceUid?: string;
};

/** By id, those after `after`. */
export async function boundOrders(
  db: Db,
  o: { readonly after: number; readonly limit: number },
): Promise<readonly BoundOrder[]> {
  const rows = await db<(Omit<BoundOrder, "namespaceUid"> & { namespaceUid: string | null })[]>`
    SELECT id, resource_name, resource_uid, namespace_uid FROM orders
    WHERE resource_uid IS NOT NULL AND NOT emptied AND id > ${o.after}
    ORDER BY id
    LIMIT ${o.limit}`;
  return rows.map(({ namespaceUid, ...row }) => (namespaceUid === null ? row : { ...row, namespaceUid }));
}

/** Orders that are gone for good, and without a resource, whose files are not all given back: whoever did it died in between. */
export async function leavingOrders(db: Db): Promise<readonly OrderRow[]> {
  const rows = await db<StoredOrder[]>`
    SELECT ${orderColumns(db)} FROM orders
    WHERE status IN ('EXPIRED', 'DELETED') AND NOT emptied AND resource_uid IS NULL
    ORDER BY id
    LIMIT 1000`;
  return rows.map(toOrderRow);
}

/** These resources exist in this namespace, whatever the rows said of it. */
export async function placeResources(db: Db, namespaceUid: string, orders: readonly BoundOrder[]): Promise<void> {
  if (orders.length === 0) return;
  await db`
    UPDATE orders SET namespace_uid = ${namespaceUid}
    FROM ${listed(db, orders)}
    WHERE orders.id = listed.id AND orders.resource_uid = listed.uid`;
}

/** These resources went with their namespace: the rows have none any more, and get another. */
export async function unbindResources(db: Db, orders: readonly BoundOrder[]): Promise<void> {
  if (orders.length === 0) return;
  await db`
    UPDATE orders SET resource_uid = NULL, namespace_uid = NULL
    FROM ${listed(db, orders)}
    WHERE orders.id = listed.id AND orders.resource_uid = listed.uid AND NOT emptied`;
}

/** The resource that is yet to be made shall have this name; nothing where there is one. */
export async function renameResource(db: Db, id: number, name: string): Promise<void> {
  await db`UPDATE orders SET resource_name = ${name} WHERE id = ${id} AND resource_uid IS NULL`;
}

function listed(db: Db, orders: readonly BoundOrder[]) {
  const uids = orders.map(({ resourceUid }) => resourceUid);
  return db`unnest(${orders.map(({ id }) => id)}::bigint[], ${uids}::text[]) AS listed(id, uid)`;
}

/** The operator of this namespace works on these orders. */
export async function serveNamespace(db: Db, uid: string, o: { readonly now: Date }): Promise<void> {
  await db`
    INSERT INTO served_namespaces (uid, seen_at) VALUES (${uid}, ${o.now})
    ON CONFLICT (uid) DO UPDATE SET seen_at = excluded.seen_at`;
}

/** UIDs of the namespaces whose operator has said so since then. */
export async function servedNamespaces(db: Db, o: { readonly since: Date }): Promise<ReadonlySet<string>> {
  const rows = await db<{ uid: string }[]>`SELECT uid FROM served_namespaces WHERE seen_at >= ${o.since}`;
  return new Set(rows.map(({ uid }) => uid));
}
