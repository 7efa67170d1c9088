/**
 * The walk of an order, as one pure function: from what was observed to what to do next. It never throws and knows no clock.
 *
 *   accept → bind → resolve → work ⇄ pause → ended → expire → gone
 *                                        └─ cancel, retry      └─ Delete, kubectl delete
 *
 * Each step below answers "is this where the order is?" with what has to be done there, or passes. Steps come in the order in which they
 * take precedence. A step's `first` changes what was observed, so the order is looked at again before anybody is told anything.
 */
import { ACCEPTED_REASON, SUCCEEDED_REASON } from "#crds/conditions.ts";
import { isFinal } from "#crds/files.ts";
import { callProcesses } from "#crds/order.ts";
import type { StopReason } from "./buckets.ts";
import { childActions, endings, outdated, release, stopChildren } from "./children.ts";
import { events } from "./events.ts";
import { isToBeTold, noticeDue } from "./expiry-notice.ts";
import { cursorOf, isEnded, isRowOf, isTerminal, msUntil, wasRefused } from "./facts.ts";
import { messages } from "./messages.ts";
import type { Instant, OrderAction, OrderObserved, OrderPlan, Refusal } from "./observed.ts";
import { readModel } from "./read-model.ts";
import { refusedConditions, type Subject, standOf } from "./stand.ts";
import { isOnlyProgress, refusedStatus, statusOf } from "./status.ts";
import { cancelReason, lastWord } from "./stop.ts";

/** What a step wants; `leaving` is the order's last word once it is on its way out. */
type Move = {
  readonly first?: readonly OrderAction[];
  readonly actions?: readonly OrderAction[];
  readonly leaving?: "EXPIRED" | "DELETED";
  readonly requeueAfterMs?: number;
};
type Step = (subject: Subject, now: Instant) => Move | undefined;

/** The steps of an order that has a row. */
const WALK: readonly Step[] = [bind, leave, cancel, endAttempts, pause, resolve, retry, work];

/** How often to look again at what should have stopped but has not. */
const STOPPING_MS = 2000;
/** Counters in the status are for people, and who needs them to the file asks the API: the longer an order lasts, the less often they are told. */
const PROGRESS = { shortestMs: 2_000, longestMs: 60_000, shareOfAge: 0.25 };
/** At once, after the others that wait. */
const SOON_MS = 1;

/** Decides what to do next about one order. */
export function plan(observed: OrderObserved, now: Instant): OrderPlan {
  const { row, work: counters } = observed;
  if (row === undefined) return planWithoutRow(observed, now);
  if (!isRowOf(row, observed.order)) return refuse(observed, { now, refusal: takenBy(row.id) });
  if (counters === undefined) return quietly(observed);
  const subject: Subject = { observed, row, work: counters };
  const move = WALK.map((step) => step(subject, now)).find((answer) => answer !== undefined) ?? {};
  return tell({ ...subject, ...(move.leaving ? { leaving: move.leaving } : {}) }, { move, now });
}

/** An `Order` made with kubectl, before its row; or one that is on its way out without ever having had one. */
function planWithoutRow(observed: OrderObserved, now: Instant): OrderPlan {
  const { order, admission } = observed;
  if (order.metadata.deletionTimestamp !== undefined || wasRefused(order)) return quietly(observed);
  if (admission?.kind === "refused") return refuse(observed, { now, refusal: admission.refusal });
  if (admission === undefined) return quietly(observed);
  const { role, groups } = admission;
  return { ...quietly(observed), first: [{ kind: "insertRow", role, groups }] };
}

/** The row knows its resource before anything is made for them: that it is gone shows by its UID. */
function bind({ observed, row }: Subject): Move | undefined {
  if (row.resourceUid !== undefined) return undefined;
  return { first: [{ kind: "bindRow", id: row.id, uid: observed.order.metadata.uid ?? "" }] };
}

/** Expired, deleted, or about to be: stop the work, say so, give back the files, take the resource away. */
function leave(subject: Subject, now: Instant): Move | undefined {
  const leaving = lastWord(subject, now);
  if (leaving === undefined) return undefined;
  const { observed, row } = subject;
  const stop = stopChildren(subject);
  if (!stop.done) return { actions: stop.actions, requeueAfterMs: STOPPING_MS };
  if (!isTerminal(row)) return { leaving, requeueAfterMs: SOON_MS };
  const { uid = "", deletionTimestamp } = observed.order.metadata;
  const purge: OrderAction[] = row.emptied ? [] : [{ kind: "purgeFiles", id: row.id }];
  return { leaving, actions: deletionTimestamp === undefined ? [...purge, { kind: "deleteOrder", uid }] : purge };
}

/** Cancelled by its owner, or given up because the catalogue refuses: what is there stays, the rest fails. */
function cancel(subject: Subject): Move | undefined {
  const { row } = subject;
  const reason = cancelReason(subject);
  if (reason === undefined) return undefined;
  if (row.resolvedAt === undefined) return { first: [endSearch(subject, { reason: "Cancelled", message: reason })] };
  const ended = endings(subject);
  if (ended.length > 0) return { first: ended };
  const stop = stopChildren(subject);
  if (!stop.done) return { actions: stop.actions, requeueAfterMs: STOPPING_MS };
  return { first: [...release(subject), { kind: "cancelPending", id: row.id, reason }] };
}

/** What its sub-orders' controllers say is over, the rows say too. */
function endAttempts(subject: Subject, now: Instant): Move | undefined {
  const ended = endings(subject, now);
  return ended.length > 0 ? { first: ended } : undefined;
}

/** Paused: no SubOrder and so no Job; the rows wait. */
function pause(subject: Subject): Move | undefined {
  if (!subject.observed.order.spec.suspend || isEnded(subject.row, subject.work)) return undefined;
  const stop = stopChildren(subject);
  if (!stop.done) return { actions: stop.actions, requeueAfterMs: STOPPING_MS };
  const waiting = release(subject);
  return waiting.length > 0 ? { first: waiting } : {};
}

/** Searches on: one part of the catalogue's answer a pass, so that other orders get their turn. */
function resolve(subject: Subject, now: Instant): Move | undefined {
  const { observed, row } = subject;
  if (row.resolvedAt !== undefined) return undefined;
  const started = work(subject, now);
  if (observed.found === undefined) return { ...started, requeueAfterMs: SOON_MS };
  if (observed.found.kind === "failed") {
    const { reason, message } = observed.found;
    return { first: [endSearch(subject, { reason, message })] };
  }
  const { cut } = observed.found;
  const { subOrders, products, done, cursor } = cut;
  const append = { id: row.id, expectCursor: row.cursor, cursor, subOrders, products, done };
  return { ...started, first: [{ kind: "appendSubOrders", ...append }] };
}

function endSearch({ row }: Subject, stopped: { reason: StopReason; message: string }): OrderAction {
  const cursor = { ...cursorOf(row), stopped };
  const append = { id: row.id, expectCursor: row.cursor, cursor, subOrders: [], products: 0, done: true };
  return { kind: "appendSubOrders", ...append };
}

/** Of an order with a process there is none: a run is not repeated in parts. A retry is served when the run before it has ended, so that each run has one end. */
function retry({ observed, row, work: counters }: Subject): Move | undefined {
  const wanted = observed.order.spec.retry;
  if (callProcesses(row.spec.selections)) return undefined;
  if (wanted <= row.retriesServed || !isEnded(row, counters) || observed.order.spec.shutdown) return undefined;
  if (!isFinal(row.status) || counters.untold.length > 0) return { requeueAfterMs: SOON_MS };
  return { first: [{ kind: "retryFailed", id: row.id, retry: wanted }] };
}

/** Started sub-orders have their resource, with the attempt that is wanted. */
function work(subject: Subject, now: Instant): Move {
  const { actions, waits } = childActions(subject);
  const next = subject.work.nextNotBefore;
  const due = next !== undefined && next.getTime() > now.getTime() ? msUntil(next, now) : undefined;
  const soonest = [waits ? STOPPING_MS : undefined, due].filter((ms) => ms !== undefined);
  return {
    actions: [...actions, ...outdated(subject)],
    ...(soonest.length > 0 ? { requeueAfterMs: Math.min(...soonest) } : {}),
  };
}

/** The plan of an order that has a row: what the step wants, and what everybody is told. */
function tell(subject: Subject, o: { readonly move: Move; readonly now: Instant }): OrderPlan {
  const { observed, row, work: counters } = subject;
  const { move, now } = o;
  const stand = standOf(subject, now);
  const model = readModel({ row, work: counters, stand, now });
  const told = { ...model, status: stand.toldWord };
  const untold = row.resolvedAt === undefined ? [] : counters.untold;
  const { downloadLink, settings } = observed;
  const { finishedWithWarningStatus } = settings;
  const generation = observed.order.metadata.generation ?? 0;
  const cancelled = stand.succeeded.reason === SUCCEEDED_REASON.cancelled;
  const due = noticeDue(subject, stand);
  const expiresSoon = isToBeTold(subject, { due, now });
  const teller = {
    more: counters.moreUntold,
    row,
    model: told,
    untold,
    generation,
    cancelled,
    expiresSoon,
    downloadLink,
    finishedWithWarningStatus,
  };
  const status = statusOf({ observed, row, model, stand, now });
  const wanted = untold.length > 0 ? SOON_MS : move.requeueAfterMs;
  const requeueAfterMs = soonest(wanted, { times: [due, stand.expirationTime], row, now });
  return {
    first: move.first ?? [],
    model,
    messages: messages(teller),
    told: untold.map(({ number, attempt }) => ({ number, attempt })),
    actions: move.actions ?? [],
    status,
    patienceMs: isOnlyProgress(observed.order.status, status) ? patience(row, now) : 0,
    events: events(observed.order.status, status),
    ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
  };
}

function patience({ createdAt }: Subject["row"], now: Instant): number {
  const { shortestMs, longestMs, shareOfAge } = PROGRESS;
  return Math.min(longestMs, Math.max(shortestMs, shareOfAge * (now.getTime() - createdAt.getTime())));
}

/** When to look again although nothing happened: as the step asks, when the order expires and when that is to be told. */
function soonest(
  wanted: number | undefined,
  o: { times: readonly (Instant | undefined)[]; row: Subject["row"]; now: Instant },
): number | undefined {
  if (isTerminal(o.row)) return wanted;
  const ahead = o.times.filter((time) => time !== undefined && time.getTime() > o.now.getTime());
  const waits = ahead.map((time) => msUntil(time ?? o.now, o.now));
  const all = [...waits, ...(wanted === undefined ? [] : [wanted])];
  return all.length > 0 ? Math.min(...all) : undefined;
}

function refuse(observed: OrderObserved, o: { readonly now: Instant; readonly refusal: Refusal }): OrderPlan {
  const isLeaving = observed.order.metadata.deletionTimestamp !== undefined;
  if (isLeaving || wasRefused(observed.order)) return quietly(observed);
  const status = refusedStatus(observed.order, { conditions: refusedConditions(o.refusal), now: o.now });
  return { ...quietly(observed), status, events: events(observed.order.status, status) };
}

function takenBy(id: number): Refusal {
  return {
    reason: ACCEPTED_REASON.correlationIdTaken,
    message: `Order ${id} of the same owner has this correlation id already`,
  };
}

/** Nothing done, nothing told. */
function quietly(observed: OrderObserved): OrderPlan {
  return {
    first: [],
    messages: [],
    told: [],
    actions: [],
    status: observed.order.status ?? {},
    patienceMs: 0,
    events: [],
  };
}
