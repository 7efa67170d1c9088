/**
 * When the files of an order are given back (rs-order.md §3.3.4): (sub-orders to fetch + 2) × the duration of one, at most the tenant's limit.
 * Beyond the formula one promise holds: files that arrive late stay at least a day, or one duration where that is less, after the last of them.
 */
import type { Instant } from "./observed.ts";

const HOUR_MS = 3_600_000;
const LATE_GRACE_MS = 24 * HOUR_MS;

/** How long an order with this many sub-orders to fetch may live, in milliseconds. */
export function lifetimeMs(o: {
  readonly internalSubOrders: number;
  readonly subOrderSeconds: number;
  readonly maxHours: number;
}): number {
  const one = o.subOrderSeconds * 1000;
  const all = o.internalSubOrders === 0 ? one : (o.internalSubOrders + 2) * one;
  return Math.min(all, o.maxHours * HOUR_MS);
}

/** `planned`, or later when files arrived so late that they would be gone before anybody could fetch them. */
export function notBeforeArrivals(
  planned: Instant,
  o: { readonly lastArrival?: Instant | undefined; readonly subOrderSeconds: number; readonly maxHours: number },
): Instant {
  if (o.lastArrival === undefined) return planned;
  const grace = Math.min(o.subOrderSeconds * 1000, o.maxHours * HOUR_MS, LATE_GRACE_MS);
  return later(planned, plus(o.lastArrival, grace));
}

/** What a wish made at that time becomes: never before it was made, never beyond the tenant's limit from then on. */
export function grantedWish(wish: Instant, o: { readonly askedAt: Instant; readonly maxHours: number }): Instant {
  return earlier(later(wish, o.askedAt), plus(o.askedAt, o.maxHours * HOUR_MS));
}

/** From when on the owner is told that the order is about to expire: of a short life a quarter of it is soon enough. */
export function noticeTime(
  expires: Instant,
  o: { readonly createdAt: Instant; readonly noticeHours: number },
): Instant | undefined {
  if (o.noticeHours === 0) return undefined;
  const life = Math.max(0, expires.getTime() - o.createdAt.getTime());
  return plus(expires, -Math.min(o.noticeHours * HOUR_MS, life / 4));
}

export function plus(time: Instant, ms: number): Instant {
  return new Date(time.getTime() + ms);
}

export function later(a: Instant, b: Instant): Instant {
  return a.getTime() >= b.getTime() ? a : b;
}

export function earlier(a: Instant, b: Instant): Instant {
  return a.getTime() <= b.getTime() ? a : b;
}
