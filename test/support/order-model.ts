/**
 * A world of one order, in memory and pure enough to be thrown away: rows, resources and what the planner's actions do to them.
 * It keeps the store's and the cluster's guards (attempts, UIDs), so that a plan that relies on luck shows.
 */
import { subOrderName } from "#crds/names.ts";
import type { Order } from "#crds/order.ts";
import type { SubOrder } from "#crds/suborder.ts";
import type { Cut } from "#operator/order/buckets.ts";
import type { OrderAction, OrderObserved, OrderPlan, Work } from "#operator/order/observed.ts";
import { mustStop } from "#operator/order/stop.ts";
import type { NewSubOrder, SubOrderRow } from "#store/files.ts";
import type { OrderRow, OutboxMessage } from "#store/orders.ts";
import { anObserved, anOrder, aRow, aSubOrder } from "./order-builders.ts";

type Sub = { row: SubOrderRow; told: number };

export type World = {
  order: Order | undefined;
  row: OrderRow | undefined;
  subs: Sub[];
  resources: SubOrder[];
  /** What the catalogue still has to give. */
  cuts: Cut[];
  outbox: Map<string, OutboxMessage>;
  uids: number;
  foreignTouched: number;
};

export function aWorld(o: { channel: "rest" | "kubectl"; cuts: readonly Cut[]; spec?: Partial<Order["spec"]> }): World {
  const order = anOrder(o.spec ? { spec: o.spec } : {});
  const { resourceUid: _, ...row } = aRow();
  return {
    order,
    row: o.channel === "rest" ? row : undefined,
    subs: [],
    resources: [],
    cuts: [...o.cuts],
    outbox: new Map(),
    uids: 0,
    foreignTouched: 0,
  };
}

export function observeWorld(world: World, now: Date, searched = false): OrderObserved | undefined {
  const { row } = world;
  const order = world.order ?? departed(world, now);
  if (order === undefined) return undefined;
  const { row: _row, work: _work, ...bare } = anObserved({ order });
  if (row === undefined) return { ...bare, admission: { kind: "welcome", role: "REGISTERED_USER", groups: [] } };
  const work = workOf(world);
  const observed: OrderObserved = { ...bare, row, work, subOrders: world.resources };
  const own = world.resources.filter((r) => r.metadata.ownerReferences?.[0]?.uid === order.metadata.uid);
  if (mustStop({ observed, row, work }, now)) {
    return own.length === 0 && work.active.length > 0 ? { ...observed, live: [] } : observed;
  }
  const [cut] = world.cuts;
  if (row.resolvedAt !== undefined || row.resourceUid === undefined || searched || cut === undefined) return observed;
  return { ...observed, found: { kind: "part", cut } };
}

/** What `depart` takes for the resource of a row that was bound to one, until all of it is given back. */
function departed({ row }: World, now: Date): Order | undefined {
  if (row?.resourceUid === undefined || row.emptied) return undefined;
  return anOrder({ metadata: { uid: row.resourceUid, deletionTimestamp: now.toISOString() }, spec: row.spec });
}

function workOf({ subs }: World): Work {
  const total = (pick: (s: SubOrderRow) => number) => subs.reduce((sum, s) => sum + pick(s.row), 0);
  const inState = (state: string) => subs.filter((s) => s.row.state === state).length;
  const pendingTimes = subs.flatMap((s) => (s.row.state === "Waiting" && s.row.notBefore ? [s.row.notBefore] : []));
  const next = pendingTimes.toSorted((a, b) => a.getTime() - b.getTime())[0];
  return {
    files: {
      total: total((s) => s.files.total),
      pending: total((s) => s.files.pending),
      available: total((s) => s.files.available),
      downloaded: 0,
      failed: total((s) => s.files.failed),
    },
    downloadErrors: 0,
    bytes: { total: total((s) => s.bytes), available: 0, failed: 0 },
    subOrders: {
      total: subs.length,
      waiting: inState("Waiting"),
      running: inState("Running"),
      succeeded: inState("Succeeded"),
      failed: inState("Failed"),
    },
    waitingForUser: false,
    active: subs.filter((s) => s.row.state === "Running").map((s) => s.row),
    moreUntold: false,
    untold: subs.filter((s) => isEnded(s.row) && s.told < s.row.attempt).map((s) => s.row),
    ...(next ? { nextNotBefore: next } : {}),
  };
}

function isEnded({ state }: SubOrderRow): boolean {
  return state === "Succeeded" || state === "Failed";
}

/** What one write does. */
export function applyAction(world: World, action: OrderAction, now: Date): void {
  const { order, row } = world;
  switch (action.kind) {
    case "deleteOrder":
      if (order) deleteOrder(world, now);
      return;
    case "insertRow":
      world.row = aRow({ channel: "kubectl" });
      return;
    case "bindRow":
      if (row) world.row = { ...row, resourceUid: action.uid };
      return;
    case "appendSubOrders":
      if (!row || row.resolvedAt || !Bun.deepEquals(row.cursor, action.expectCursor)) return;
      world.cuts.shift();
      world.row = {
        ...row,
        cursor: action.cursor,
        productsFound: row.productsFound + action.products,
        ...(action.done ? { resolvedAt: now } : {}),
      };
      world.subs.push(...action.subOrders.map((s) => ({ row: newRow(s), told: 0 })));
      return;
    case "endSubOrder":
      change(world, action, (s) => ({ ...s, state: action.state, files: failPending(s, action.failPending) }));
      return;
    case "againSubOrder":
      change(world, action, (s) => ({
        ...s,
        state: "Waiting",
        attempt: s.attempt + 1,
        ...(action.notBefore ? { notBefore: action.notBefore } : {}),
      }));
      return;
    case "cancelPending":
      for (const sub of world.subs) {
        const state = sub.row.state === "Waiting" ? "Failed" : sub.row.state;
        if (!isEnded(sub.row)) sub.row = { ...sub.row, state, files: failPending(sub.row, "cancelled") };
      }
      return;
    case "retryFailed":
      if (!row || row.retriesServed >= action.retry) return;
      world.row = { ...row, retriesServed: action.retry };
      for (const sub of world.subs) {
        const { failed, total, available } = sub.row.files;
        if (failed === 0) continue;
        const files = { total, available, downloaded: 0, failed: 0, pending: failed };
        sub.row = { ...sub.row, state: "Waiting", attempt: sub.row.attempt + 1, files };
      }
      return;
    case "purgeFiles":
      world.subs = [];
      if (row) world.row = { ...row, purged: true, emptied: true };
      return;
    case "createSubOrder":
      if (world.resources.some((r) => r.metadata.name === action.subOrder.metadata.name)) return;
      world.resources.push({
        ...action.subOrder,
        metadata: { ...action.subOrder.metadata, uid: `made-${++world.uids}` },
      });
      return;
    case "raiseAttempt":
      touch(world, action, (r) => ({ ...r, spec: { ...r.spec, attempt: action.attempt } }));
      return;
    case "deleteSubOrder":
      touch(world, action, () => undefined);
      return;
    default:
      action satisfies never;
  }
}

/** The transaction that tells: read model, messages, told marks; then the status. */
export function applyTelling(world: World, planned: OrderPlan): void {
  if (world.row && planned.model) {
    const { expirationTime: _e, completionTime: _c, message: _m, ...rest } = world.row;
    world.row = { ...rest, ...planned.model };
    for (const message of planned.messages) {
      if (!world.outbox.has(message.dedupKey)) world.outbox.set(message.dedupKey, message);
    }
    for (const told of planned.told) {
      const sub = world.subs.find((s) => s.row.number === told.number);
      if (sub) sub.told = Math.max(sub.told, told.attempt);
    }
  }
}

/** `held`: somebody's finalizer keeps the resource until `letGo`. */
export function deleteOrder(world: World, now: Date, o: { readonly held?: boolean } = {}): void {
  const { order, row } = world;
  if (order === undefined) return;
  // Whoever made the resource of the row has told the row.
  if (row && row.resourceUid === undefined) world.row = { ...row, resourceUid: order.metadata.uid ?? "" };
  const metadata = { ...order.metadata, deletionTimestamp: now.toISOString() };
  world.order = o.held ? { ...order, metadata } : undefined;
}

/** Nothing holds up the deletion of the resource any more. */
export function letGo(world: World): void {
  if (world.order?.metadata.deletionTimestamp !== undefined) world.order = undefined;
}

function touch(world: World, o: { name: string; uid: string }, write: (r: SubOrder) => SubOrder | undefined): void {
  const target = world.resources.find((r) => r.metadata.name === o.name && r.metadata.uid === o.uid);
  if (target?.metadata.ownerReferences?.[0]?.uid !== "uid-7" && target) world.foreignTouched++;
  world.resources = world.resources.flatMap((r) => (r === target ? (write(r) ?? []) : r));
}

function change(world: World, o: { number: number; attempt: number }, write: (s: SubOrderRow) => SubOrderRow): void {
  const sub = world.subs.find((s) => s.row.number === o.number);
  if (sub && sub.row.state === "Running" && sub.row.attempt === o.attempt) sub.row = write(sub.row);
}

function failPending({ files }: SubOrderRow, reason: string | undefined): SubOrderRow["files"] {
  return reason === undefined ? files : { ...files, pending: 0, failed: files.failed + files.pending };
}

function newRow(s: NewSubOrder): SubOrderRow {
  const total = s.files.length;
  const files = {
    total,
    pending: s.reference ? 0 : total,
    available: s.reference ? total : 0,
    downloaded: 0,
    failed: 0,
  };
  return {
    id: 70 + s.number,
    orderId: 7,
    number: s.number,
    attempt: 1,
    state: s.reference ? "Succeeded" : "Waiting",
    files,
    bytes: total,
    reference: s.reference,
    datasetUrn: s.dataset.urn,
    datasetLabel: s.dataset.label,
  };
}

/** The scheduler starts what waits. */
export function startAll(world: World): void {
  for (const sub of world.subs) if (sub.row.state === "Waiting") sub.row = { ...sub.row, state: "Running" };
}

/** The Job of a started sub-order ends: so many of its files come, so many fail, the rest stays pending. */
export function endAttempt(world: World, number: number, o: { come: number; fail: number; reason: string }): void {
  const sub = world.subs.find((s) => s.row.number === number);
  const resource = world.resources.find((r) => r.metadata.name === subOrderName("order-7", number));
  if (sub?.row.state !== "Running" || resource?.spec.attempt !== sub.row.attempt) return;
  const { files } = sub.row;
  const come = Math.min(o.come, files.pending);
  const fail = Math.min(o.fail, files.pending - come);
  const pending = files.pending - come - fail;
  const failed = files.failed + fail;
  sub.row = { ...sub.row, files: { ...files, pending, available: files.available + come, failed } };
  const reason = pending > 0 ? o.reason : failed > 0 ? "SomeFilesFailed" : "AllFilesAvailable";
  const { status } = aSubOrder(sub.row, { reason });
  world.resources = world.resources.map((r) => (r === resource && status ? { ...r, status } : r));
}
