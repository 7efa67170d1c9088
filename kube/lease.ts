/**
 * Leader election on a Lease: of several processes one leads at a time, as far as that can be had (a frozen process may wake up late).
 * The leader counts itself out before the lease runs out for others: its signal aborts, and `term.held()` is false from then on.
 *
 *   waiting ─ taken → leading ─ stop asked for → finishing (still renewing) → released
 *      ↑                 └ not renewed in time, or another holds it → lost ┐
 *      └───────────────────── when `lead` has returned ────────────────────┘
 */
import type { Logger } from "pino";
import { type ClaimOptions, LeaseClaim } from "./lease-claim.ts";
import { LeaseTerm, type Term } from "./lease-term.ts";
import { limited, pause } from "./pause.ts";

export type LeadOptions = Omit<ClaimOptions, "leaseMs" | "monotonic"> & {
  /** What the leader does. Its signal aborts when leadership is lost or the stop is asked for; the lease is kept until it returns. */
  readonly lead: (signal: AbortSignal, term: Term) => Promise<void>;
  readonly random: () => number;
  readonly logger: Logger;
  readonly leaseMs?: number;
  readonly renewDeadlineMs?: number;
  readonly retryMs?: number;
  /** Milliseconds of a clock that never jumps and does not stop while the process is frozen. */
  readonly monotonic?: () => number;
  readonly signal: AbortSignal;
};

const RELEASE_LIMIT_MS = 3_000;

/** Competes for the lease until the signal aborts or a term of `lead` ends by itself; passes on what that throws. */
export async function lead(options: LeadOptions): Promise<void> {
  const { leaseMs = 12_000, renewDeadlineMs = 8_000, retryMs = 2_000, signal, logger, name, identity } = options;
  const monotonic = options.monotonic ?? (() => performance.now());
  const claim = new LeaseClaim({ ...options, leaseMs, monotonic });
  const breath = () => retryMs * (0.8 + options.random() * 0.4);

  async function take(stop: AbortSignal): Promise<boolean | undefined> {
    try {
      return await limited(renewDeadlineMs / 2, [stop], (limit) => claim.take(limit));
    } catch (error) {
      if (!stop.aborted) logger.warn({ lease: name, err: error }, "Lease could not be taken or renewed");
      return undefined;
    }
  }

  async function release(): Promise<void> {
    try {
      await limited(RELEASE_LIMIT_MS, [], (limit) => claim.release(limit));
    } catch (error) {
      logger.info({ lease: name, err: error }, "Lease could not be released and runs out by itself");
    }
  }

  async function serve(since: number): Promise<"ended" | "lost"> {
    const term = new LeaseTerm({ name, identity, since, renewDeadlineMs, monotonic, breath, renew: take, logger });
    try {
      await options.lead(AbortSignal.any([signal, term.lost]), term);
    } catch (error) {
      // Who has lost the lease is refused its writes: that work ends so is no reason to give up, only to stand by again.
      if (term.stillHeld()) throw error;
      logger.info({ lease: name, err: error }, "Work ended with the lease");
    } finally {
      await term.end();
      if (!term.lost.aborted) await release();
    }
    return term.lost.aborted ? "lost" : "ended";
  }

  while (!signal.aborted) {
    const since = monotonic();
    if (await take(signal)) {
      logger.info({ lease: name, identity }, "Leadership taken");
      if ((await serve(since)) === "ended") return;
    } else {
      await pause(breath(), signal).catch(() => {});
    }
  }
}
