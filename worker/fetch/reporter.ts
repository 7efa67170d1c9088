/**
 * Collects the results of single files and hands them on in batches: after so many, or after so long, whichever is first.
 * Adding waits when the receiver is slow, so that what is not yet reported (and would be fetched again after a crash) stays little.
 */
export type ReporterOptions<T> = {
  /** Stores a batch; rejects when it cannot for good. */
  send(results: readonly T[]): Promise<void>;
  readonly everyMs: number;
  readonly most: number;
};

export class Reporter<T> {
  readonly #options: ReporterOptions<T>;
  #waiting: T[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #sending: Promise<void> = Promise.resolve();
  #problem: { readonly error: unknown } | undefined;

  constructor(options: ReporterOptions<T>) {
    this.#options = options;
  }

  /** Takes a result. Rejects once a batch could not be stored. */
  async add(result: T): Promise<void> {
    this.#check();
    this.#waiting.push(result);
    if (this.#waiting.length >= this.#options.most) return this.flush();
    this.#timer ??= setTimeout(() => void this.flush().catch(() => {}), this.#options.everyMs);
  }

  /** Everything added so far is stored when this resolves. */
  async flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#sending = this.#sending.then(() => this.#sendWaiting());
    await this.#sending;
    this.#check();
  }

  async #sendWaiting(): Promise<void> {
    const batch = this.#waiting;
    if (batch.length === 0 || this.#problem) return;
    this.#waiting = [];
    try {
      await this.#options.send(batch);
    } catch (error) {
      this.#problem = { error };
    }
  }

  #check(): void {
    if (this.#problem) throw this.#problem.error;
  }
}
