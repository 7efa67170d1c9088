/** Finds the name that somebody most likely meant: the fewest typing errors away, or the one that holds what was written. */

const MAX_LENGTH = 64;

export function closest(name: string, candidates: readonly string[]): string | undefined {
  if (name.length > MAX_LENGTH) return undefined;
  const wanted = name.toLowerCase();
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  const ranked = candidates
    .filter((candidate) => candidate.length <= MAX_LENGTH)
    .map((candidate) => ({ candidate, distance: distanceTo(wanted, candidate.toLowerCase()) }))
    .filter(({ distance }) => distance <= limit)
    .sort((a, b) => a.distance - b.distance || (a.candidate < b.candidate ? -1 : 1));
  return ranked[0]?.candidate;
}

function distanceTo(wanted: string, candidate: string): number {
  const tail = candidate.slice(Math.max(candidate.lastIndexOf("."), candidate.lastIndexOf(":")) + 1);
  if (wanted.length >= 4 && candidate.includes(wanted)) return 1;
  return Math.min(typingErrors(wanted, candidate), typingErrors(wanted, tail) + 0.5);
}

/** Levenshtein distance, one row at a time. */
function typingErrors(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
