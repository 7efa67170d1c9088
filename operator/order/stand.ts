/**
 * How an order stands: its conditions, its word for users, when it expires. Pure, and derived from what was observed in this pass only.
 * Everything told of an order (status, read model, messages, events) is built from this one judgement, so they cannot disagree.
 */
import {
  ACCEPTED_REASON,
  ORDER_CONDITION,
  RESOLVED_REASON,
  SUCCEEDED_REASON,
  SUSPENDED_REASON,
} from "#crds/conditions.ts";
import type { OrderStatusWord } from "#crds/files.ts";
import type { OrderRow } from "#store/orders.ts";
import type { Observation } from "../conditions.ts";
import { grantedWish, later, lifetimeMs, notBeforeArrivals, plus } from "./expiration.ts";
import { cursorOf, isEnded, isQueued, isRestarted, isTerminal, subOrderSeconds } from "./facts.ts";
import type { Instant, OrderObserved, Refusal, Work } from "./observed.ts";

export type Stand = {
  readonly accepted: Observation;
  readonly resolved: Observation;
  readonly suspended: Observation;
  readonly succeeded: Observation;
  readonly word: OrderStatusWord;
  /** The word for the requester's messages: what happens to files after they were there is none of them. */
  readonly toldWord: OrderStatusWord;
  readonly waitingForUser: boolean;
  readonly expirationTime?: Instant;
  /** The wish that it was judged by, and when. */
  readonly wish?: Wish;
  /** What a user of the REST interface is told beside the word, when there is something to tell. */
  readonly rowMessage?: string;
};

/** An order that has a row. */
export type Subject = {
  readonly observed: OrderObserved;
  readonly row: OrderRow;
  readonly work: Work;
  /** The order is on its way out: its last word. */
  readonly leaving?: "EXPIRED" | "DELETED";
};

/** The conditions of an `Order` that never becomes one. */
export function refusedConditions(refusal: Refusal): Observation[] {
  const text = refusal.message;
  return [
    { type: ORDER_CONDITION.accepted, status: "False", reason: refusal.reason, message: text },
    { type: ORDER_CONDITION.resolved, status: "False", reason: RESOLVED_REASON.waiting, message: "Not accepted" },
    notSuspended(),
    { type: ORDER_CONDITION.succeeded, status: "False", reason: SUCCEEDED_REASON.refused, message: text },
  ];
}

/** Judges an order that has a row. */
export function standOf(subject: Subject, now: Instant): Stand {
  const { observed, row, work } = subject;
  const over = endOf(subject);
  const expirationTime = expirationOf(subject, now);
  const wish = wishOf(subject, now);
  const suspended = over ? notSuspended() : suspension(subject);
  const succeeded = over?.succeeded ?? progress(subject, now);
  const held = succeeded.reason === SUCCEEDED_REASON.waitingForUser;
  const tellsUser = over?.tells === true || held;
  const word = over?.word ?? workingWord(observed, row);
  return {
    accepted: {
      type: ORDER_CONDITION.accepted,
      status: "True",
      reason: ACCEPTED_REASON.accepted,
      message: `Order number ${row.id}`,
    },
    resolved: resolution(subject),
    suspended,
    succeeded,
    word: word === "DONE" && work.downloadErrors > 0 ? "DONE_WITH_WARNING" : word,
    toldWord: word,
    waitingForUser: !subject.leaving && !isTerminal(row) && (work.waitingForUser || held),
    ...(expirationTime === undefined ? {} : { expirationTime }),
    ...(wish === undefined ? {} : { wish }),
    ...(tellsUser ? { rowMessage: succeeded.message } : {}),
  };
}

/**
 * When the order's files are given back; known once all sub-orders are, or its owner has said when. A wish is judged once, when it is new; after
 * that the row is the memory of it. Only what arrives after it was made can put it off.
 */
export function expirationOf(subject: Subject, now: Instant): Instant | undefined {
  const { observed, row, work } = subject;
  if (isTerminal(row)) return row.expirationTime;
  const { settings, order } = observed;
  const limits = { subOrderSeconds: subOrderSeconds(order.spec, settings), maxHours: settings.maxExpirationHours };
  const wish = wishOf(subject, now);
  if (wish?.isNew) return grantedWish(wish.asked, { askedAt: wish.askedAt, ...limits });
  const planned = plannedExpiration(subject, { now, ...limits });
  if (planned === undefined) return undefined;
  const isLate = wish === undefined || (work.lastReportAt?.getTime() ?? 0) > wish.askedAt.getTime();
  return isLate ? notBeforeArrivals(planned, { lastArrival: work.lastReportAt, ...limits }) : planned;
}

function plannedExpiration(
  { row, work }: Subject,
  o: { readonly now: Instant; readonly subOrderSeconds: number; readonly maxHours: number },
): Instant | undefined {
  if (row.resolvedAt === undefined) return row.expirationTime;
  const life = lifetimeMs({ internalSubOrders: cursorOf(row).internal, ...o });
  const known = row.expirationTime ?? plus(row.resolvedAt, life);
  return isRestarted(row, work) ? later(known, plus(o.now, life)) : known;
}

export type Wish = { readonly asked: Instant; readonly askedAt: Instant; readonly isNew: boolean };

/** The wish that holds: the spec's when the row does not know it yet, else the one last judged. */
function wishOf({ observed, row }: Subject, now: Instant): Wish | undefined {
  const { expirationTime } = observed.order.spec;
  const asked = expirationTime === undefined ? undefined : plus(now, Date.parse(expirationTime) - now.getTime());
  if (!isTerminal(row) && asked !== undefined && isKnown(asked) && asked.getTime() !== row.expirationAsked?.getTime()) {
    return { asked, askedAt: now, isNew: true };
  }
  if (row.expirationAsked === undefined || row.expirationAskedAt === undefined) return undefined;
  return { asked: row.expirationAsked, askedAt: row.expirationAskedAt, isNew: false };
}

function isKnown(time: Instant): boolean {
  return !Number.isNaN(time.getTime());
}

type End = { readonly word: OrderStatusWord; readonly succeeded: Observation; readonly tells: boolean };

function end(word: OrderStatusWord, reason: string, message: string): End {
  const status = reason === SUCCEEDED_REASON.allFilesAvailable ? "True" : "False";
  return {
    word,
    succeeded: { type: ORDER_CONDITION.succeeded, status, reason, message },
    tells: status === "False",
  };
}

/** How the order ended, when it did. */
function endOf({ observed, row, work, leaving }: Subject): End | undefined {
  const last = isTerminal(row) ? row.status : leaving;
  if (last === "EXPIRED") return end("EXPIRED", SUCCEEDED_REASON.expired, "Expired: its files were given back");
  if (last === "DELETED") return end("DELETED", SUCCEEDED_REASON.deleted, "Deleted: its files were given back");
  if (!isEnded(row, work)) return undefined;
  const { total, failed } = work.files;
  const stopped = cursorOf(row).stopped;
  const word: OrderStatusWord = failed === total ? "FAILED" : "DONE_WITH_WARNING";
  if (stopped && stopped.reason !== "Cancelled") return end("FAILED", SUCCEEDED_REASON.refused, stopped.message);
  if (stopped !== undefined || (observed.order.spec.shutdown === "Cancel" && failed > 0)) {
    return end(word, SUCCEEDED_REASON.cancelled, `Cancelled: ${total - failed} of ${total} files are there`);
  }
  if (total === 0) return end("DONE_WITH_WARNING", SUCCEEDED_REASON.nothingToDeliver, nothingText(row));
  if (failed === 0) return end("DONE", SUCCEEDED_REASON.allFilesAvailable, `${files(total)} there`);
  if (failed === total) return end(word, SUCCEEDED_REASON.allFilesFailed, `None of ${files(total)} could be had`);
  return end(word, SUCCEEDED_REASON.someFilesFailed, `${failed} of ${files(total)} could not be had`);
}

/** The contract's words for an order that found nothing to fetch. */
function nothingText(row: OrderRow): string {
  return row.productsFound === 0
    ? "It seems that the queried features do not exist anymore."
    : "No file match filters.";
}

function workingWord(observed: OrderObserved, row: OrderRow): OrderStatusWord {
  if (observed.order.spec.suspend) return "PAUSED";
  return row.resolvedAt === undefined ? "PENDING" : "RUNNING";
}

function resolution({ row, work }: Subject): Observation {
  const type = ORDER_CONDITION.resolved;
  const cursor = cursorOf(row);
  if (row.resolvedAt === undefined) {
    const message = `${counted(row.productsFound, "product")} found so far`;
    return { type, status: "Unknown", reason: RESOLVED_REASON.searching, message };
  }
  if (cursor.stopped) return { type, status: "False", ...cursor.stopped };
  if (cursor.made === 0) {
    const reason = row.productsFound === 0 ? RESOLVED_REASON.productsGone : RESOLVED_REASON.noFileMatches;
    return { type, status: "False", reason, message: nothingText(row) };
  }
  const total = Math.max(work.files.total, row.files.total);
  const message = `${files(total)} of ${counted(row.productsFound, "product")} in ${counted(cursor.made, "sub-order")}`;
  return { type, status: "True", reason: RESOLVED_REASON.resolved, message };
}

function suspension({ observed, work }: Subject): Observation {
  if (!observed.order.spec.suspend) return notSuspended();
  const type = ORDER_CONDITION.suspended;
  const running = work.active.length > 0 || observed.subOrders.length > 0;
  return running
    ? { type, status: "False", reason: SUSPENDED_REASON.stopping, message: "Waiting for the running Jobs to stop" }
    : { type, status: "True", reason: SUSPENDED_REASON.suspended, message: "Paused by its owner" };
}

function notSuspended(): Observation {
  const reason = SUSPENDED_REASON.notSuspended;
  return { type: ORDER_CONDITION.suspended, status: "False", reason, message: "Not paused" };
}

/** Where an order stands that has not ended. */
function progress({ observed, row, work }: Subject, now: Instant): Observation {
  const [reason, message] = stage(observed, { row, work, now });
  return { type: ORDER_CONDITION.succeeded, status: "Unknown", reason, message };
}

function stage(
  observed: OrderObserved,
  { row, work, now }: { row: OrderRow; work: Work; now: Instant },
): readonly [string, string] {
  const there = `${work.files.total - work.files.pending} of ${files(work.files.total)} done`;
  if (observed.order.spec.suspend) return [SUCCEEDED_REASON.suspended, `Paused: ${there}`];
  if (row.resolvedAt === undefined && work.active.length === 0) {
    return [SUCCEEDED_REASON.waiting, "Looking for the files in the catalogue"];
  }
  if (isQueued(observed, work))
    return [SUCCEEDED_REASON.waitingForQueue, `Waiting in the queue of the cluster: ${there}`];
  if (work.active.length > 0) return [SUCCEEDED_REASON.running, `Fetching: ${there}`];
  if (observed.heldBack === "user") {
    return [SUCCEEDED_REASON.waitingForUser, `Waiting until you have downloaded what is ready: ${there}`];
  }
  if (work.nextNotBefore !== undefined && work.nextNotBefore.getTime() > now.getTime()) {
    return [SUCCEEDED_REASON.waitingForSource, `Waiting for the source to get files ready: ${there}`];
  }
  const why = observed.heldBack === "space" ? "Waiting for room in the store" : "Waiting for a free place";
  return [SUCCEEDED_REASON.waitingForSlot, `${why}: ${there}`];
}

function files(count: number): string {
  return counted(count, "file");
}

function counted(count: number, noun: string): string {
  return count === 1 ? `1 ${noun}` : `${count} ${noun}s`;
}
