/**
 * A queue of keys, not of events: a key waits at most once, is never handed out twice at the same time, and comes again if it was added while
 * it was being worked on. Fresh keys go before bulk ones (a start-up's flood), but every eighth turn is a bulk key's, so that none starves.
 *
 *   add → ready ─ next → processing ─ done → (added meanwhile? ready : gone)
 *   addAfter, retry → delayed ─ time → add
 */
import { type Backoff, backoffMs, LONGEST_TIMER_MS } from "./pause.ts";

export type Priority = "fresh" | "bulk";

export type QueueOptions = {
  readonly random: () => number;
  readonly backoff?: Backoff;
  /** Milliseconds of a clock that never jumps. */
  readonly monotonic?: () => number;
};

export type QueueStats = {
  readonly ready: number;
  readonly processing: number;
  readonly delayed: number;
  /** Keys whose last try failed. */
  readonly failing: number;
  /** How long the key that waits longest has been ready. */
  readonly oldestMs: number;
  readonly added: number;
  readonly retried: number;
};

const DEFAULT_BACKOFF: Backoff = { firstMs: 5, longestMs: 1_000_000 };
const BULK_TURN = 8;

export class WorkQueue {
  readonly #options: QueueOptions;
  readonly #monotonic: () => number;
  /** Ready keys by priority, in order of arrival, with the time of arrival. */
  readonly #ready = { fresh: new Map<string, number>(), bulk: new Map<string, number>() };
  readonly #processing = new Set<string>();
  readonly #dirty = new Map<string, Priority>();
  readonly #delayed = new Map<string, { readonly due: number; readonly timer: ReturnType<typeof setTimeout> }>();
  readonly #failures = new Map<string, number>();
  readonly #waiters = new Set<() => void>();
  #turn = 0;
  #added = 0;
  #retried = 0;

  constructor(options: QueueOptions) {
    this.#options = options;
    this.#monotonic = options.monotonic ?? (() => performance.now());
  }

  /** Keys that could be handed out now. */
  get size(): number {
    return this.#ready.fresh.size + this.#ready.bulk.size;
  }

  stats(): QueueStats {
    const first = [...firstValue(this.#ready.fresh), ...firstValue(this.#ready.bulk)];
    return {
      ready: this.size,
      processing: this.#processing.size,
      delayed: this.#delayed.size,
      failing: this.#failures.size,
      oldestMs: first.length === 0 ? 0 : this.#monotonic() - Math.min(...first),
      added: this.#added,
      retried: this.#retried,
    };
  }

  /** Makes a key ready. A bulk key that is added as fresh moves up. */
  add(key: string, options: { readonly priority?: Priority } = {}): void {
    const priority = options.priority ?? "fresh";
    this.#added++;
    if (this.#processing.has(key)) {
      if (this.#dirty.get(key) !== "fresh") this.#dirty.set(key, priority);
      return;
    }
    if (this.#ready.fresh.has(key)) return;
    if (priority === "bulk" && this.#ready.bulk.has(key)) return;
    const since = this.#ready.bulk.get(key) ?? this.#monotonic();
    this.#ready.bulk.delete(key);
    this.#ready[priority].set(key, since);
    this.#wakeOne();
  }

  /** Adds a key later; of several times for one key the earliest counts. */
  addAfter(key: string, ms: number): void {
    const due = this.#monotonic() + Math.max(0, ms);
    const planned = this.#delayed.get(key);
    if (planned !== undefined) {
      if (planned.due <= due) return;
      clearTimeout(planned.timer);
    }
    this.#arm(key, due);
  }

  /** Adds a key after a delay that grows with each failure in a row; answers that delay. */
  retry(key: string, options: { readonly atLeastMs?: number } = {}): number {
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    this.#retried++;
    const backoff = this.#options.backoff ?? DEFAULT_BACKOFF;
    const own = backoffMs(failures, { ...backoff, random: this.#options.random });
    const delay = Math.max(own, options.atLeastMs ?? 0);
    this.addAfter(key, delay);
    return delay;
  }

  /** Failures in a row of a key. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The key's failures no longer count. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /** The next key, to be given back with `done`; `undefined` once the signal has aborted. */
  async next(signal: AbortSignal): Promise<string | undefined> {
    while (!signal.aborted) {
      const key = this.#take();
      if (key !== undefined) return key;
      await this.#arrival(signal);
    }
    // This caller may have been woken for a key that it no longer takes.
    if (this.size > 0) this.#wakeOne();
    return undefined;
  }

  /** Ends the work on a key that `next` handed out. */
  done(key: string): void {
    this.#processing.delete(key);
    const priority = this.#dirty.get(key);
    if (priority === undefined) return;
    this.#dirty.delete(key);
    this.#added--;
    this.add(key, { priority });
  }

  /** Forgets what is delayed, so that no timer outlives its user. */
  close(): void {
    for (const { timer } of this.#delayed.values()) clearTimeout(timer);
    this.#delayed.clear();
  }

  #take(): string | undefined {
    const { fresh, bulk } = this.#ready;
    const bulkTurn = bulk.size > 0 && (fresh.size === 0 || ++this.#turn % BULK_TURN === 0);
    const from = bulkTurn ? bulk : fresh;
    const [key] = from.keys();
    if (key === undefined) return undefined;
    from.delete(key);
    this.#processing.add(key);
    return key;
  }

  #arm(key: string, due: number): void {
    const wait = due - this.#monotonic();
    const timer = setTimeout(() => this.#fire(key, due), Math.min(Math.max(0, wait), LONGEST_TIMER_MS));
    timer.unref();
    this.#delayed.set(key, { due, timer });
  }

  #fire(key: string, due: number): void {
    if (due - this.#monotonic() > LONGEST_TIMER_MS / 2) {
      this.#arm(key, due);
      return;
    }
    this.#delayed.delete(key);
    this.add(key);
  }

  /** Resolves when a key may have become ready, or the signal aborts. */
  async #arrival(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const onAbort = () => resolve();
    this.#waiters.add(onAbort);
    signal.addEventListener("abort", onAbort, { once: true });
    await promise;
    this.#waiters.delete(onAbort);
    signal.removeEventListener("abort", onAbort);
  }

  #wakeOne(): void {
    const [waiter] = this.#waiters;
    if (waiter === undefined) return;
    this.#waiters.delete(waiter);
    waiter();
  }
}

function* firstValue(map: ReadonlyMap<string, number>): Iterable<number> {
  for (const value of map.values()) {
    yield value;
    return;
  }
}
