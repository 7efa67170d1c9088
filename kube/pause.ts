/**
 * Waiting that can be broken off, work with a time limit, and how long to wait after failures: exponential, with jitter so that many do not
 * come back at once. `limited` does by hand what `AbortSignal.any` and `.timeout` do, because theirs linger until the timeout: 30 s a call.
 */

/** Timers take at most 2^31-1 milliseconds (24.8 days); a longer one would fire at once. */
export const LONGEST_TIMER_MS = 2_147_483_647;

/** Waits, or throws the signal's reason as soon as it aborts. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(
      () => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      },
      Math.min(ms, LONGEST_TIMER_MS),
    );
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

export type Backoff = { readonly firstMs: number; readonly longestMs: number };

/** Delay before the try that follows `failures` (≥ 1) failures in a row: doubled each time, then between half and all of it. */
export function backoffMs(failures: number, options: Backoff & { readonly random: () => number }): number {
  const full = Math.min(options.longestMs, options.firstMs * 2 ** Math.min(failures - 1, 40));
  return full * (0.5 + options.random() / 2);
}

/** Runs `work` with a signal that aborts after `ms`, or with `signal`; leaves no timer and no listener behind. */
export async function limited<T>(
  ms: number,
  signals: readonly (AbortSignal | undefined)[],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const releases = signals.map((signal) => follow(signal, controller));
  const timer = setTimeout(() => controller.abort(new DOMException(`Took longer than ${ms} ms`, "TimeoutError")), ms);
  try {
    return await work(controller.signal);
  } finally {
    clearTimeout(timer);
    for (const release of releases) release();
  }
}

/** Aborts `controller` when `signal` does; answers how to stop that. */
function follow(signal: AbortSignal | undefined, controller: AbortController): () => void {
  if (signal === undefined) return () => {};
  const onAbort = () => controller.abort(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return () => signal.removeEventListener("abort", onAbort);
}

/** Settles as `promise` does, or rejects with the signal's reason when that aborts first. */
export async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const onAbort = () => aborted.reject(signal.reason);
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
