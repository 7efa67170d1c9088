/**
 * One term of a leader: renews the lease while it lasts and notices, by this machine's own clock, when that no longer holds.
 * It counts from the moment before a renewal was sent, so that it always ends sooner here than others believe.
 */
import type { Logger } from "pino";
import { pause } from "./pause.ts";

export type Term = {
  /** Aborts when leadership was lost, and only then: what is under way must stop, not finish. */
  readonly lost: AbortSignal;
  /** Whether the lease is ours by the clock; to be asked before a write, since a frozen process learns of its loss late. */
  held(): boolean;
};

export type TermOptions = {
  readonly name: string;
  readonly identity: string;
  /** When the lease was taken, by `monotonic`. */
  readonly since: number;
  readonly renewDeadlineMs: number;
  readonly monotonic: () => number;
  /** How long to wait until the next renewal. */
  readonly breath: () => number;
  /** One renewal: false when another holds the lease, undefined when the server cannot be asked. */
  readonly renew: (signal: AbortSignal) => Promise<boolean | undefined>;
  readonly logger: Logger;
};

export class LeaseTerm implements Term {
  readonly #options: TermOptions;
  readonly #lost = new AbortController();
  readonly #over = new AbortController();
  readonly #renewing: Promise<void>;
  #renewedAt: number;
  #watchdog: ReturnType<typeof setTimeout>;

  constructor(options: TermOptions) {
    this.#options = options;
    this.#renewedAt = options.since;
    this.#watchdog = this.#watch();
    this.#renewing = this.#renew();
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  held(): boolean {
    const { monotonic, renewDeadlineMs } = this.#options;
    return !this.#lost.signal.aborted && monotonic() - this.#renewedAt < renewDeadlineMs;
  }

  /** Stops renewing; a renewal that is on its way is waited for, so that nothing of ours is written afterwards. */
  async end(): Promise<void> {
    this.#over.abort();
    await this.#renewing;
    clearTimeout(this.#watchdog);
  }

  async #renew(): Promise<void> {
    const stop = AbortSignal.any([this.#over.signal, this.#lost.signal]);
    while (!stop.aborted) {
      await pause(this.#options.breath(), stop).catch(() => {});
      // A process that was frozen comes here before its watchdog fires.
      if (!stop.aborted && this.stillHeld()) await this.#renewOnce();
    }
  }

  async #renewOnce(): Promise<void> {
    const at = this.#options.monotonic();
    const renewed = await this.#options.renew(this.#lost.signal);
    if (renewed === false) this.#lose("another process holds the lease");
    else if (this.stillHeld() && renewed) {
      this.#renewedAt = at;
      clearTimeout(this.#watchdog);
      this.#watchdog = this.#watch();
    }
  }

  /** As `held`, and the loss is noticed right here: in a process that was frozen nobody may have seen it yet. */
  stillHeld(): boolean {
    if (!this.held()) this.#lose("it was not renewed in time");
    return !this.#lost.signal.aborted;
  }

  #watch(): ReturnType<typeof setTimeout> {
    const { monotonic, renewDeadlineMs } = this.#options;
    const left = renewDeadlineMs - (monotonic() - this.#renewedAt);
    return setTimeout(() => this.#lose("it was not renewed in time"), Math.max(0, left));
  }

  #lose(why: string): void {
    if (this.#lost.signal.aborted) return;
    const { name, identity, logger } = this.#options;
    logger.warn({ lease: name, identity, why }, "Leadership lost");
    this.#lost.abort(new Error(`Cannot go on as leader: ${why}`));
  }
}
