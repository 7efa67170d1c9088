/** The two limits of a user, as the contract numbers them: -1 is none, 0 forbids. Pure. */

export const UNLIMITED = -1;

export type QuotaLimits = {
  /** Stored raw data files over the user's lifetime. */
  readonly maxQuota: number;
  /** Downloads at the same time. */
  readonly rateLimit: number;
};

/** By how much `used` passes the limit; 0 where it does not. */
export function excess(used: number, limit: number): number {
  return limit === UNLIMITED ? 0 : Math.max(used - limit, 0);
}
