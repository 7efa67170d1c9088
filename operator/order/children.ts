/**
 * The SubOrders of an order: made for started rows, raised for another attempt, believed when they end, deleted when work must stop. Pure.
 * Whatever is done to one is done to the UID that was observed, and only when this order controls it.
 */
import { SUBORDER_REASON } from "#crds/conditions.ts";
import { API_VERSION, LABELS, MANAGER, subOrderName } from "#crds/names.ts";
import { LIMITS } from "#crds/order.ts";
import type { SubOrder } from "#crds/suborder.ts";
import type { SubOrderRow } from "#store/files.ts";
import { shorten } from "../conditions.ts";
import { earlier, plus } from "./expiration.ts";
import { attemptEnd, isDeleting, isOwnedBy, ownSubOrders } from "./facts.ts";
import type { Instant, OrderAction } from "./observed.ts";
import type { Subject } from "./stand.ts";

/** Ended SubOrders that are kept for people to look at. */
const HISTORY = 50;
/** When the source named no time. */
const PATIENCE_MS = 60_000;

/** Makes or raises the SubOrder of every started row. `waits`: a name is still taken by another's SubOrder. */
export function childActions(subject: Subject): { readonly actions: OrderAction[]; readonly waits: boolean } {
  const byName = new Map(subject.observed.subOrders.map((s) => [s.metadata.name, s]));
  const { name, uid } = subject.observed.order.metadata;
  const actions: OrderAction[] = [];
  let waits = false;
  for (const row of subject.work.active) {
    const there = byName.get(subOrderName(name, row.number));
    if (there === undefined) actions.push({ kind: "createSubOrder", subOrder: subOrderFor(subject, row) });
    else if (!isOwnedBy(there, uid) || isDeleting(there)) waits = true;
    else if (there.spec.attempt < row.attempt) actions.push(raise(there, row.attempt));
  }
  return { actions, waits };
}

/** What the rows of ended attempts become. */
export function endings(subject: Subject, now?: Instant): OrderAction[] {
  const byNumber = new Map(ownSubOrders(subject.observed).map((s) => [s.spec.number, s]));
  return subject.work.active.flatMap((row) => {
    const there = byNumber.get(row.number);
    if (there === undefined || there.spec.attempt !== row.attempt) return [];
    const ended = attemptEnd(there);
    if (ended === undefined) return [];
    if (ended.reason === SUBORDER_REASON.notReady && row.files.pending > 0) {
      return now === undefined ? [] : [notReady(subject, { row, there, now })];
    }
    return [endSubOrder(row, ended.message)];
  });
}

/** Deletes every SubOrder of this order; done when, looked at live where rows still run, none is left. */
export function stopChildren(subject: Subject): { readonly done: boolean; readonly actions: OrderAction[] } {
  const { observed, work } = subject;
  const own = ownSubOrders(observed);
  if (own.length > 0) return { done: false, actions: own.filter((s) => !isDeleting(s)).map(remove) };
  if (work.active.length === 0) return { done: true, actions: [] };
  return { done: observed.live?.length === 0, actions: [] };
}

/** Rows whose Jobs are gone wait again. */
export function release({ row: order, work }: Subject): OrderAction[] {
  return work.active.map(({ number, attempt }) => ({ kind: "againSubOrder", id: order.id, number, attempt }));
}

/** SubOrders that ended long ago, beyond what is kept for people. */
export function outdated({ observed, work }: Subject): OrderAction[] {
  const active = new Set(work.active.map((row) => row.number));
  const ended = ownSubOrders(observed).filter((s) => {
    const end = attemptEnd(s);
    return end !== undefined && end.reason !== SUBORDER_REASON.notReady && !active.has(s.spec.number) && !isDeleting(s);
  });
  const byNumber = ended.toSorted((a, b) => a.spec.number - b.spec.number);
  return byNumber.slice(0, Math.max(0, byNumber.length - HISTORY)).map(remove);
}

function subOrderFor({ observed, row: order }: Subject, row: SubOrderRow): SubOrder {
  const { metadata } = observed.order;
  return {
    apiVersion: API_VERSION,
    kind: "SubOrder",
    metadata: {
      name: subOrderName(metadata.name, row.number),
      labels: {
        [LABELS.order]: String(order.id),
        [LABELS.subOrder]: String(row.number),
        [LABELS.managedBy]: MANAGER,
      },
      ownerReferences: [
        {
          apiVersion: API_VERSION,
          kind: "Order",
          name: metadata.name,
          uid: metadata.uid ?? "",
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      orderName: metadata.name,
      orderId: order.id,
      number: row.number,
      attempt: row.attempt,
      files: row.files.total,
      bytes: row.bytes,
      ...(row.process ? { process: callOf(row.process) } : {}),
    },
  };
}

/** For people to see, as far as a resource takes it; the run itself reads its parameters from the row. */
function callOf({ name, parameters }: NonNullable<SubOrderRow["process"]>): NonNullable<SubOrder["spec"]["process"]> {
  const { parameters: most, parameterLength } = LIMITS;
  const text = (value: unknown) => shorten(typeof value === "string" ? value : JSON.stringify(value), parameterLength);
  const shown = Object.entries(parameters).slice(0, most);
  return { name, parameters: Object.fromEntries(shown.map(([key, value]) => [key, text(value)])) };
}

function raise({ metadata }: SubOrder, attempt: number): OrderAction {
  const { name, uid = "", resourceVersion = "" } = metadata;
  return { kind: "raiseAttempt", name, uid, resourceVersion, attempt };
}

function remove({ metadata }: SubOrder): OrderAction {
  return { kind: "deleteSubOrder", name: metadata.name, uid: metadata.uid ?? "" };
}

/** The files decide how it ended; what is still pending after the last attempt has failed. */
function endSubOrder(row: SubOrderRow, message: string): OrderAction {
  const failed = row.files.failed + row.files.pending > 0;
  return {
    kind: "endSubOrder",
    id: row.orderId,
    number: row.number,
    attempt: row.attempt,
    state: failed ? "Failed" : "Succeeded",
    ...(row.files.pending > 0 ? { failPending: message } : {}),
  };
}

/** Another attempt when the source wants it, one last when the tenant's patience ends, none after that. */
function notReady(subject: Subject, o: { row: SubOrderRow; there: SubOrder; now: Instant }): OrderAction {
  const { row, there, now } = o;
  const { silentSince, settings } = subject.observed;
  const seconds = settings.maxSourceSilenceSeconds;
  const until = plus(silentSince.get(row.number) ?? row.startedAt ?? now, seconds * 1000);
  if (until.getTime() <= now.getTime()) return endSubOrder(row, `The source gave no file for ${seconds} seconds`);
  const asked = there.status?.notBefore;
  const wanted = asked === undefined ? plus(now, PATIENCE_MS) : plus(now, Date.parse(asked) - now.getTime());
  return {
    kind: "againSubOrder",
    id: row.orderId,
    number: row.number,
    attempt: row.attempt,
    notBefore: earlier(wanted, until),
    reason: attemptEnd(there)?.message ?? "Not ready at its source yet",
  };
}
