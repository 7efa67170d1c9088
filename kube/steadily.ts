/**
 * A loop that outlives its failures: a step is done again and again until the signal aborts, and after failures in a row only after pauses that
 * grow. For loops whose work lies in a database that may be away for a while.
 */
import type { Logger } from "pino";
import { backoffMs, pause } from "./pause.ts";

const PAUSES = { firstMs: 100, longestMs: 5_000 };

export type Steadily = {
  /** What is done, as it stands in `cannot … now`. */
  readonly what: string;
  readonly random: () => number;
  readonly logger: Pick<Logger, "warn">;
  readonly onFailure?: () => void;
  readonly signal: AbortSignal;
};

/** Resolves when the signal has aborted and the step that was begun has ended; a failure of that one is not told. */
export async function steadily(step: () => Promise<void>, o: Steadily): Promise<void> {
  for (let failures = 0; !o.signal.aborted; ) {
    try {
      await step();
      failures = 0;
    } catch (error) {
      if (o.signal.aborted) return;
      failures++;
      o.onFailure?.();
      o.logger.warn({ err: error }, `cannot ${o.what} now`);
      await pauseAfterFailures(failures, o.random, o.signal).catch(() => {});
    }
  }
}

/** The pause after so many failures in a row; throws the signal's reason as soon as it aborts. */
export function pauseAfterFailures(failures: number, random: () => number, signal: AbortSignal): Promise<void> {
  return pause(backoffMs(failures, { ...PAUSES, random }), signal);
}
