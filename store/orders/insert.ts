/**
 * The one place where an order comes into being. Idempotent by (owner, correlationId): REST, AMQP and the operator may call it
 * again and at the same time, exactly one row is made. The unique constraints decide, never a look beforehand. With the row the outbox gets
 * GRANTED, so no order is there of which nobody is told.
 */
import type { Role } from "#crds/files.ts";
import { orderName } from "#crds/names.ts";
import type { OrderSpec } from "#crds/order.ts";
import { changeNotice } from "../changes.ts";
import { type Db, jsonb, type Transaction } from "../db.ts";
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
  readonly resource?: { readonly name: string; readonly uid: string; readonly namespaceUid: string };
  /** Page of the client's application that shows the order. */
  readonly onSuccessUrl?: string;
  /** Tells a repeat of the request that makes it, where the spec cannot. */
  readonly requestHash?: string;
  /** A queue to tell of the order from its birth. */
  readonly replyTo?: string;
  readonly now: Date;
};

export type Inserted =
  | { readonly kind: "created"; readonly row: OrderRow }
  | { readonly kind: "same"; readonly row: OrderRow }
  | { readonly kind: "conflict"; readonly field: "correlationId" | "label"; readonly row?: OrderRow };

/** Inserts the order, or finds the one that the same request made before, or tells which key is taken by another. */
export async function insertOrder(db: Db | Transaction, order: InsertOrder): Promise<Inserted> {
  const hash = specHash(order.spec);
  const correlationId = order.correlationId ?? newCorrelationId();
  const wanted = wantedLabel(order);
  let n = 1;
  for (;;) {
    const label = order.spec.label ?? numberedLabel(wanted, n);
    const [row] = await tryInsert(db, [{ order, correlationId, label, hash }]);
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

/** What `insertOrder` would answer now, without inserting. */
export async function previewInsert(
  db: Db,
  { owner, spec, correlationId }: Pick<InsertOrder, "owner" | "spec"> & { readonly correlationId: string },
): Promise<{ readonly kind: "free" } | Exclude<Inserted, { kind: "created" }>> {
  // A label that nobody can have, where the spec has none: a proposal gets a number and never conflicts.
  const taken = await findTaken(db, owner, { correlationId, label: spec.label ?? "" });
  if (taken === undefined) return { kind: "free" };
  if (!taken.key) return { kind: "conflict", field: "label", row: taken.row };
  if (taken.hash === specHash(spec)) return { kind: "same", row: taken.row };
  return { kind: "conflict", field: "correlationId", row: taken.row };
}

/**
 * Many orders in one statement; answers for each as `insertOrder` would, in their order. Only those whose key or label is taken are looked at
 * one by one: among new requests there are hardly any.
 */
export async function insertOrders(db: Db, orders: readonly InsertOrder[]): Promise<readonly Inserted[]> {
  const candidates = distinctLabels(orders).map(({ order, label }) => ({
    order,
    label,
    correlationId: order.correlationId ?? newCorrelationId(),
    hash: specHash(order.spec),
  }));
  // Everybody takes the keys in the same order, so that two who insert the same ones do not wait for each other.
  const rows = await tryInsert(
    db,
    candidates.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1)),
  );
  const made = new Map(rows.map((row) => [JSON.stringify([row.owner, row.correlationId]), row]));
  const answers: Inserted[] = [];
  for (const candidate of candidates) {
    const key = keyOf(candidate);
    const row = made.get(key);
    // The first of several with one key has made it, the others meet it.
    made.delete(key);
    const { order, correlationId } = candidate;
    answers.push(row ? { kind: "created", row } : await insertOrder(db, { ...order, correlationId }));
  }
  return answers;
}

function newCorrelationId(): string {
  return `auto-correlation-id-${crypto.randomUUID()}`;
}

function wantedLabel(order: InsertOrder): string {
  return order.spec.label ?? order.label ?? defaultLabel(order.now);
}

/** Proposals that several orders of one owner share get numbers, as if the orders had come one after another. */
function distinctLabels(orders: readonly InsertOrder[]): readonly { order: InsertOrder; label: string }[] {
  const used = new Map<string, number>();
  return orders.map((order) => {
    const wanted = wantedLabel(order);
    if (order.spec.label !== undefined) return { order, label: wanted };
    const key = JSON.stringify([order.owner, wanted]);
    const n = (used.get(key) ?? 0) + 1;
    used.set(key, n);
    return { order, label: numberedLabel(wanted, n) };
  });
}

type Candidate = {
  readonly order: InsertOrder;
  readonly correlationId: string;
  readonly label: string;
  readonly hash: string;
};

function keyOf({ order, correlationId }: Candidate): string {
  return JSON.stringify([order.owner, correlationId]);
}

/** Inserts those whose key and label are free, each with the word that it was granted; answers them in no order. */
async function tryInsert(db: Db | Transaction, candidates: readonly Candidate[]): Promise<readonly OrderRow[]> {
  const [prefix] = orderName(0).split("0");
  const asked = candidates.map(({ order, correlationId, label, hash }) => ({ ...order, correlationId, label, hash }));
  const rows = await db<StoredOrder[]>`
    WITH asked AS (
      SELECT nextval('orders_id_seq') AS id, o FROM jsonb_array_elements(${jsonb(db, asked)}) WITH ORDINALITY AS t(o, n) ORDER BY n
    ), made AS (
      INSERT INTO orders (id, resource_name, resource_uid, namespace_uid, owner, label, correlation_id, spec, spec_hash, role, groups, channel,
        on_success_url, request_hash, created_at, status_time)
      SELECT id, coalesce(o->'resource'->>'name', ${prefix ?? ""} || id), o->'resource'->>'uid', o->'resource'->>'namespaceUid', o->>'owner', o->>'label',
        o->>'correlationId', o->'spec', o->>'hash', o->>'role',
        ARRAY(SELECT jsonb_array_elements_text(o->'groups')), o->>'channel',
        o->>'onSuccessUrl', o->>'requestHash', (o->>'now')::timestamptz, (o->>'now')::timestamptz
      FROM asked
      ORDER BY id
      ON CONFLICT DO NOTHING
      RETURNING *
    ), told AS (
      INSERT INTO outbox (order_id, dedup_key, kind, payload, created_at)
      SELECT id, 'granted', 'GRANTED', jsonb_build_object('correlationId', correlation_id, 'status', 'GRANTED', 'orderId', id), created_at
      FROM made
      ORDER BY id
      ON CONFLICT (order_id, dedup_key) DO NOTHING
    ), replies AS (
      INSERT INTO reply_queues (owner, correlation_id, queue, created_at)
      SELECT owner, correlation_id, o->>'replyTo', created_at FROM made JOIN asked USING (id) WHERE o ? 'replyTo'
      ON CONFLICT DO NOTHING)
    SELECT ${orderColumns(db)} FROM made, ${changeNotice(db, db`made.id`)}`;
  return rows.map(toOrderRow);
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
