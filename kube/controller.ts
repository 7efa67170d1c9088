/**
 * The loop that takes keys from a queue and reconciles them, a few at a time, and reads what comes out: done, later, retry, or never again.
 * Its signal stops the intake only: what runs is finished. `kill` also aborts what runs, for a leader that has lost its lease.
 */
import type { Logger } from "pino";
import { isConflict, KubeError } from "./errors.ts";
import { limited } from "./pause.ts";
import type { WorkQueue } from "./queue.ts";

export type Outcome =
  | { readonly kind: "done" }
  /** Look again after this time although nothing may have changed. */
  | { readonly kind: "requeueAfter"; readonly ms: number }
  | { readonly kind: "retry"; readonly error: unknown }
  /** It cannot work until somebody changes something: not tried again before. */
  | { readonly kind: "terminal"; readonly error: unknown };

export type ControllerStats = {
  readonly running: number;
  /** How long the pass that runs longest has been running. */
  readonly longestMs: number;
  readonly outcomes: Readonly<Record<Outcome["kind"], number>>;
  /** Seconds spent in `reconcile`, over all runs. */
  readonly busySeconds: number;
};

export type ControllerOptions = {
  readonly name: string;
  readonly queue: WorkQueue;
  readonly concurrency: number;
  /** One pass over one key. Its signal aborts when the time box is over, or on `kill`. An exception counts as `retry`. */
  readonly reconcile: (key: string, signal: AbortSignal) => Promise<Outcome>;
  readonly logger: Logger;
  readonly timeBoxMs?: number;
  /** Told of each pass that ended; for histograms. */
  readonly onPass?: (pass: { readonly key: string; readonly outcome: Outcome; readonly ms: number }) => void;
};

export type Controller = {
  /** Runs until the signal aborts and what was running then has ended. */
  run(signal: AbortSignal, options?: { readonly kill?: AbortSignal }): Promise<void>;
  stats(): ControllerStats;
};

const DEFAULT_TIME_BOX_MS = 30_000;

export function controller(options: ControllerOptions): Controller {
  const { name, queue, logger } = options;
  const outcomes = { done: 0, requeueAfter: 0, retry: 0, terminal: 0 };
  const running = new Map<string, number>();
  let busyMs = 0;

  async function pass(key: string, kill: AbortSignal | undefined): Promise<Outcome> {
    const box = options.timeBoxMs ?? DEFAULT_TIME_BOX_MS;
    try {
      return await limited(box, [kill], (signal) => options.reconcile(key, signal));
    } catch (error) {
      return { kind: "retry", error };
    }
  }

  /** Tells the queue what comes next for the key. */
  function settle(key: string, outcome: Outcome): void {
    switch (outcome.kind) {
      case "done":
        queue.forget(key);
        return;
      case "requeueAfter":
        queue.forget(key);
        queue.addAfter(key, outcome.ms);
        return;
      case "terminal":
        queue.forget(key);
        logger.error({ controller: name, key, err: outcome.error }, "Reconcile failed for good");
        return;
      case "retry":
        retry(key, outcome.error);
        return;
      default:
        outcome satisfies never;
    }
  }

  function retry(key: string, error: unknown): void {
    const asked = error instanceof KubeError ? error.retryAfterMs : undefined;
    const delayMs = queue.retry(key, asked === undefined ? {} : { atLeastMs: asked });
    const fields = { controller: name, key, err: error, failures: queue.failures(key), delayMs: Math.round(delayMs) };
    if (isConflict(error)) logger.debug(fields, "Reconcile met a newer version and is tried again");
    else logger.warn(fields, "Reconcile failed and is tried again");
  }

  async function work(signal: AbortSignal, kill: AbortSignal | undefined): Promise<void> {
    for (;;) {
      const key = await queue.next(signal);
      if (key === undefined) return;
      const started = performance.now();
      running.set(key, started);
      const outcome = await pass(key, kill);
      const ms = performance.now() - started;
      running.delete(key);
      busyMs += ms;
      outcomes[outcome.kind]++;
      settle(key, outcome);
      queue.done(key);
      options.onPass?.({ key, outcome, ms });
    }
  }

  return {
    async run(signal, { kill } = {}) {
      const intake = kill === undefined ? signal : AbortSignal.any([signal, kill]);
      await Promise.all(Array.from({ length: options.concurrency }, () => work(intake, kill)));
    },
    stats: () => ({
      running: running.size,
      longestMs: running.size === 0 ? 0 : performance.now() - Math.min(...running.values()),
      outcomes: { ...outcomes },
      busySeconds: busyMs / 1000,
    }),
  };
}
