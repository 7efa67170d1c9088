/**
 * Being told to stop: once in order, twice at once. Ctrl-C under `npm` arrives twice within moments (from the terminal and from
 * npm), so only a second signal after a moment counts as impatience.
 */

const EXIT_CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
const SAME_TELLING_MS = 1000;

/** Aborts at the first signal; a later one ends the process. */
export function stopSignal(): AbortSignal {
  const stop = new AbortController();
  let toldAt = 0;
  for (const [name, code] of Object.entries(EXIT_CODES)) {
    process.on(name, () => {
      if (!stop.signal.aborted) {
        toldAt = performance.now();
        stop.abort();
      } else if (performance.now() - toldAt > SAME_TELLING_MS) process.exit(code);
    });
  }
  return stop.signal;
}

/** Settles when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
