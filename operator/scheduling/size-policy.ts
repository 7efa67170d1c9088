/**
 * Which of a user's own sub-orders comes next: the first of an order that has got nothing yet, so that every order shows something soon;
 * then the smaller ones (D12). Ties go to the older order. Pure.
 */
import type { Candidate } from "./view.ts";

/** The candidates of one owner in the order in which they should start. */
export function inTurn(candidates: readonly Candidate[], begun: ReadonlySet<number>): readonly Candidate[] {
  const bySize = candidates.toSorted(compare);
  const firsts = new Map<number, Candidate>();
  for (const candidate of bySize) {
    if (!begun.has(candidate.orderId) && !firsts.has(candidate.orderId)) firsts.set(candidate.orderId, candidate);
  }
  const fresh = [...firsts.values()];
  return [...fresh, ...bySize.filter((candidate) => firsts.get(candidate.orderId) !== candidate)];
}

function compare(a: Candidate, b: Candidate): number {
  return (
    a.bytes - b.bytes || a.createdAt.getTime() - b.createdAt.getTime() || a.orderId - b.orderId || a.number - b.number
  );
}
