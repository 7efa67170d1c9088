/**
 * When the owner is told that an order is about to expire. Pure. Not while files still arrive: each of them may put the expiration off, and
 * the owner would be told of every date that holds for a minute.
 */
import { noticeTime } from "./expiration.ts";
import { isEnded, isTerminal } from "./facts.ts";
import type { Instant } from "./observed.ts";
import type { Stand, Subject } from "./stand.ts";

const QUIET_MS = 3_600_000;

/** From when on it is to be told; `undefined` where there is nothing to tell. */
export function noticeDue(subject: Subject, stand: Stand): Instant | undefined {
  const { observed, row, work } = subject;
  if (stand.expirationTime === undefined || subject.leaving || isTerminal(row)) return undefined;
  const ended = isEnded(row, work);
  if (ended && work.files.available + work.files.downloaded === 0) return undefined;
  const noticeHours = observed.settings.expirationNoticeHours;
  return noticeTime(stand.expirationTime, { createdAt: row.createdAt, noticeHours });
}

export function isToBeTold(subject: Subject, o: { readonly due: Instant | undefined; readonly now: Instant }): boolean {
  const { row, work } = subject;
  if (o.due === undefined || o.due.getTime() > o.now.getTime()) return false;
  if (isEnded(row, work)) return true;
  const last = work.lastReportAt?.getTime() ?? Number.NEGATIVE_INFINITY;
  return work.subOrders.running === 0 && o.now.getTime() - last >= QUIET_MS;
}
