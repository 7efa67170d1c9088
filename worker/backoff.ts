/** Waiting between tries: exponential with full jitter, and a sleep that a signal ends at once. */

export type Backoff = { readonly baseMs: number; readonly maxMs: number };

/** Delay before try number `failures` + 1: between half and all of base × 2^(failures − 1), at most `maxMs`. */
export function backoffMs(failures: number, { baseMs, maxMs }: Backoff, random: () => number): number {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(Math.max(failures - 1, 0), 30));
  return Math.round(ceiling * (0.5 + random() / 2));
}

/** Resolves after `ms`, or at once when the signal aborts (which the caller then sees). */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || ms <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end, { once: true });
  });
}
