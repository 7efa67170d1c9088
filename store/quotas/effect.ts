/** What an order would mean for its owner's download quota, before anything is downloaded. Pure: for the check when ordering and for trying an order out. */
import { excess, UNLIMITED } from "./limits.ts";
import type { FileQuota } from "./usage.ts";

export type QuotaEffect = {
  /** Files of the order that count: raw data that is kept here, not references. */
  readonly files: number;
  /** -1: no limit. */
  readonly maxQuota: number;
  /** Counted so far. */
  readonly currentQuota: number;
  /** What may still be downloaded before the order; absent where there is no limit. */
  readonly remaining?: number;
  /** By how many files the order passes the quota; 0: it fits. */
  readonly exceededBy: number;
};

/** Other orders that were not downloaded yet are not taken off: nothing is reserved by ordering. */
export function quotaEffect(
  files: number,
  { maxQuota, currentQuota }: Pick<FileQuota, "maxQuota" | "currentQuota">,
): QuotaEffect {
  return {
    files,
    maxQuota,
    currentQuota,
    ...(maxQuota !== UNLIMITED && { remaining: Math.max(maxQuota - currentQuota, 0) }),
    // Where nothing counts, a quota that was lowered below what was used forbids nothing.
    exceededBy: files === 0 ? 0 : excess(currentQuota + files, maxQuota),
  };
}
