/**
 * The one place where an order comes into being. Idempotent by (owner, correlationId): REST, AMQP and the operator may call it
 * again and at the same time, exactly one row is made. The unique constraints decide, never a look beforehand.
 */
import type { Role } from "#crds/files.ts";
import { orderName } from "#crds/names.ts";
import type { OrderSpec } from "#crds/order.ts";
import { changeNotice } from "../changes.ts";
import type { Db, Transaction } from "../db.ts";
import { defaultLabel, numberedLabel, specHash } from "./identity.ts";
import { type Channel, type OrderRow, orderColumns, type StoredOrder, toOrderRow } from "./rows.ts";

const NUMBERS_AT_ONCE = 100;

export type InsertOrder = {
  readonly owner: string;
  /** Proposal for the label of a spec that has none; it gets a number where it is taken. Absent: made from the date. */
  readonly label?: string;
  /** Absent: a new one, so the request is never the same as another. */
  readonly correlationId?: string;
  /** With `label`: that one or refusal. */
  readonly spec: OrderSpec;
  readonly role: Role;
  /** The owner's, as the caller's token or our table had them. */
  readonly groups: readonly string[];
  readonly channel: Channel;
  /** The resource that was there first. Absent: to be made, under the name that follows from the id. */
  readonly resource?: { readonly name: string; readonly uid: string };
  /** Page of the client's application that shows the order. */
  readonly onSuccessUrl?: string;
  readonly now: Date;
};

export type Inserted =
  | { readonly kind: "created" | "same"; readonly row: OrderRow }
  | { readonly kind: "conflict"; readonly field: "correlationId" | "label"; readonly row?: OrderRow };

/** Inserts the order, or finds the one that the same request made before, or tells which key is taken by another. */
export async function insertOrder(db: Db | Transaction, order: InsertOrder): Promise<Inserted> {
  const hash = specHash(order.spec);
  const correlationId = order.correlationId ?? `auto-correlation-id-${crypto.randomUUID()}`;
  const wanted = order.spec.label ?? order.label ?? defaultLabel(order.now);
  let n = 1;
  for (;;) {
    const label = order.spec.label ?? numberedLabel(wanted, n);
    const row = await tryInsert(db, order, { correlationId, label, hash });
    if (row) return { kind: "created", row };
    const taken = await findTaken(db, order.owner, { correlationId, label });
    if (taken?.key) {
      return taken.hash === hash
        ? { kind: "same", row: taken.row }
        : { kind: "conflict", field: "correlationId", row: taken.row };
    }
    if (order.spec.label !== undefined) {
      return { kind: "conflict", field: "label", ...(taken && { row: taken.row }) };
    }
    n = await nextFree(db, order.owner, { label: wanted, from: n + 1 });
  }
}

async function tryInsert(
  db: Db | Transaction,
  order: InsertOrder,
  o: { correlationId: string; label: string; hash: string },
): Promise<OrderRow | undefined> {
  const [prefix] = orderName(0).split("0");
  const rows = await db<StoredOrder[]>`
    WITH made AS (
      INSERT INTO orders (id, resource_name, resource_uid, owner, label, correlation_id, spec, spec_hash, role, groups, channel, on_success_url,
        created_at, status_time)
      SELECT n, coalesce(${order.resource?.name ?? null}, ${prefix ?? ""} || n), ${order.resource?.uid ?? null}, ${order.owner}, ${o.label},
        ${o.correlationId}, ${db.json(order.spec)}, ${o.hash}, ${order.role}, ${[...order.groups]}::text[], ${order.channel},
        ${order.onSuccessUrl ?? null}, ${order.now}, ${order.now}
      FROM nextval('orders_id_seq') n
      ON CONFLICT DO NOTHING
      RETURNING *)
    SELECT ${orderColumns(db)} FROM made, ${changeNotice(db, db`made.id`)}`;
  return rows[0] && toOrderRow(rows[0]);
}

/** Who holds the correlation id (`key`) or else the label. */
async function findTaken(
  db: Db | Transaction,
  owner: string,
  o: { correlationId: string; label: string },
): Promise<{ key: boolean; hash: string; row: OrderRow } | undefined> {
  const [found] = await db<(StoredOrder & { key: boolean; specHash: string })[]>`
    SELECT ${orderColumns(db)}, spec_hash, correlation_id = ${o.correlationId} AS key
    FROM orders
    WHERE owner = ${owner} AND (correlation_id = ${o.correlationId} OR label = ${o.label})
    ORDER BY key DESC
    LIMIT 1`;
  if (!found) return undefined;
  const { key, specHash: hash, ...stored } = found;
  return { key, hash, row: toOrderRow(stored) };
}

/** The first number from `from` whose label the owner has not used. */
async function nextFree(db: Db | Transaction, owner: string, o: { label: string; from: number }): Promise<number> {
  for (let from = o.from; ; from += NUMBERS_AT_ONCE) {
    const labels = Array.from({ length: NUMBERS_AT_ONCE }, (_, i) => numberedLabel(o.label, from + i));
    const used = await db<{ label: string }[]>`
      SELECT label FROM orders WHERE owner = ${owner} AND label = ANY(${labels}::text[])`;
    const taken = new Set(used.map(({ label }) => label));
    const free = labels.findIndex((label) => !taken.has(label));
    if (free >= 0) return from + free;
  }
}
