/**
 * The only reader of the order controller: gathers what the planner looks at, and no more than the order's stage needs.
 * Everything comes from the database, the cache or, where work must have stopped, a live look; nothing from an earlier pass.
 */

import { SUBORDER_REASON } from "#crds/conditions.ts";
import { LABELS } from "#crds/names.ts";
import type { Order } from "#crds/order.ts";
import type { SubOrder } from "#crds/suborder.ts";
import { ownNamespace } from "#kube/namespace.ts";
import { observeOrder, patienceOf } from "#store/files.ts";
import { findOrderByKey, type OrderRow } from "#store/orders.ts";
import { readSettings, type Settings } from "#store/settings.ts";
import { STORABLE, unstorablePath } from "#store/storable.ts";
import { admit, invalidSpec } from "./admission.ts";
import { attemptEnd, correlationIdOf, isOwnedBy, isRowOf, isTerminal, ownSubOrders, wasRefused } from "./facts.ts";
import type { Admission, Found, Instant, OrderObserved, OrderSettings, Work } from "./observed.ts";
import { BY_ORDER, type OrderPorts } from "./ports.ts";
import { searchOn } from "./search.ts";
import type { Subject } from "./stand.ts";
import { mustStop } from "./stop.ts";

/** What this pass has learnt by its own writes. */
export type Learnt = {
  /** Making the row was refused. */
  readonly admission?: Admission;
  /** One part of the search was written: the rest is for the next pass. */
  readonly searched?: boolean;
};

export async function observe(ports: OrderPorts, order: Order, learnt: Learnt): Promise<OrderObserved> {
  const unstorable = unstorablePath(order.spec);
  const [row, settings] = await Promise.all([
    // The database could not even be asked for it.
    unstorable === undefined ? findOrderByKey(ports.db, order.spec.owner, correlationIdOf(order)) : undefined,
    readSettings(ports.db),
  ]);
  const observed: OrderObserved = {
    order,
    subOrders: [],
    silentSince: new Map(),
    settings: orderSettings(settings),
    downloadLink: "",
    ...(row ? { row } : {}),
  };
  if (unstorable !== undefined) return { ...observed, admission: invalidSpec(`${unstorable}: ${STORABLE}`) };
  if (row === undefined) return { ...observed, ...(await admission(ports, order, learnt)) };
  if (!isRowOf(row, order) || (await goesWithItsNamespace(ports, { row, order }))) return observed;
  return await observeRow(ports, { observed, row, settings, learnt });
}

/** Deleted because everything in the namespace is: that is nobody's word about the order. */
async function goesWithItsNamespace(ports: OrderPorts, o: { row: OrderRow; order: Order }): Promise<boolean> {
  if (o.order.metadata.deletionTimestamp === undefined || isTerminal(o.row)) return false;
  const namespace = await ownNamespace(ports.transport);
  return namespace === undefined || namespace.isLeaving;
}

type Gathering = {
  readonly observed: OrderObserved;
  readonly row: OrderRow;
  readonly settings: Settings;
  readonly learnt: Learnt;
};

async function observeRow(ports: OrderPorts, o: Gathering): Promise<OrderObserved> {
  const { row, settings, learnt } = o;
  const { publicUrl, prefix } = ports.config;
  // The cache before the rows: an attempt that has ended in the one has all its files in the other.
  const subOrders = ports.subOrders.cache.by(BY_ORDER, String(row.id));
  const work = await observeOrder(ports.db, row.id);
  const heldBack = ports.heldBack(row.id);
  const observed: OrderObserved = {
    ...o.observed,
    work,
    subOrders,
    downloadLink: `${publicUrl}${prefix}/user/orders/${row.id}/download`,
    ...(heldBack ? { heldBack } : {}),
  };
  const subject: Subject = { observed, row, work };
  if (mustStop(subject, ports.now())) return { ...observed, ...(await liveLook(ports, subject)) };
  const [silentSince, found] = await Promise.all([
    silence(ports, subject),
    learnt.searched || !isBound(subject) ? undefined : search(ports, { row, settings }),
  ]);
  return { ...observed, silentSince, ...(found ? { found } : {}) };
}

async function admission(ports: OrderPorts, order: Order, learnt: Learnt): Promise<{ readonly admission?: Admission }> {
  if (learnt.admission) return { admission: learnt.admission };
  if (order.metadata.deletionTimestamp !== undefined || wasRefused(order)) return {};
  return { admission: await admit(order, { ...ports, now: ports.now() }) };
}

/** Whether rows that still run have no SubOrder any more: asked of the server, since the cache may not know of one made just now. */
async function liveLook(ports: OrderPorts, subject: Subject): Promise<{ readonly live?: readonly string[] }> {
  const { observed, row, work } = subject;
  if (work.active.length === 0 || ownSubOrders(observed).length > 0) return {};
  const own: SubOrder[] = [];
  let next: string | undefined;
  do {
    const labelSelector = `${LABELS.order}=${row.id}`;
    const page = await ports.subOrders.api.list({ labelSelector, limit: 500, ...(next ? { continue: next } : {}) });
    own.push(...page.items.filter((s) => isOwnedBy(s, observed.order.metadata.uid)));
    next = page.continue;
  } while (next !== undefined);
  return { live: own.map((s) => s.metadata.uid ?? "") };
}

/** Since when nothing came, for the attempts that ended because their source was not ready. */
async function silence(ports: OrderPorts, { observed, work }: Subject): Promise<ReadonlyMap<number, Instant>> {
  const running = new Set(work.active.map((row) => row.number));
  const unready = ownSubOrders(observed)
    .filter((s) => running.has(s.spec.number) && attemptEnd(s)?.reason === SUBORDER_REASON.notReady)
    .map((s) => s.spec.number);
  const since = new Map<number, Instant>();
  for (const number of unready) {
    const { silentSince } = await patienceOf(ports.db, observed.row?.id ?? 0, number);
    if (silentSince) since.set(number, silentSince);
  }
  return since;
}

function search(ports: OrderPorts, o: { row: OrderRow; settings: Settings }): Promise<Found> | undefined {
  if (o.row.resolvedAt !== undefined) return undefined;
  const limits = { maxFiles: o.settings.sub_order_max_files, maxBytes: o.settings.sub_order_max_bytes };
  return searchOn(o.row, { ...ports, limits });
}

function isBound({ row, observed }: { row: OrderRow; observed: OrderObserved; work: Work }): boolean {
  return row.resourceUid === observed.order.metadata.uid;
}

function orderSettings(settings: Settings): OrderSettings {
  return {
    appSubOrderHours: settings.app_sub_order_duration,
    maxExpirationHours: settings.expiration_max_duration_in_hours,
    expirationNoticeHours: settings.expiration_notice_hours,
    maxSourceSilenceSeconds: settings.max_source_silence_seconds,
    finishedWithWarningStatus: settings.finished_with_warning_status,
  };
}
