/** How many pods run at the same time on this machine, over all namespaces. */
export class Slots {
  readonly count: number;
  readonly #listeners = new Set<() => void>();
  #taken = 0;

  constructor(count: number) {
    this.count = count;
  }

  /** Takes a slot if one is free. */
  take(): boolean {
    if (this.#taken >= this.count) return false;
    this.#taken++;
    return true;
  }

  give(): void {
    this.#taken--;
    for (const listener of this.#listeners) listener();
  }

  /** Calls when a slot has become free. */
  onFree(listener: () => void): void {
    this.#listeners.add(listener);
  }

  offFree(listener: () => void): void {
    this.#listeners.delete(listener);
  }
}
