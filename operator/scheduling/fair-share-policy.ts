/**
 * Whose turn it is: the owner with the fewest running sub-orders, so that one user's thousand never keep another's first waiting.
 * Ties go to whoever's order waits longest. Pure.
 */
export type Claim = {
  readonly owner: string;
  readonly running: number;
  /** When the order of the owner's next sub-order was asked for. */
  readonly since: number;
};

export function whoseTurn(claims: readonly Claim[]): Claim | undefined {
  return claims.toSorted((a, b) => a.running - b.running || a.since - b.since || (a.owner < b.owner ? -1 : 1))[0];
}
