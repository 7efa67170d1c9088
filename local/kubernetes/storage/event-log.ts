/**
 * What happened to one resource type lately, in order: the source of every watch.
 * Watchers hold a position, never a queue, so a slow one costs nothing; one that falls behind the log's tail is told "too old", as by etcd's compaction.
 */
import type { KubeObject } from "../object.ts";

export type StoredEvent = {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly version: number;
  readonly object: KubeObject;
  /** The state before; absent for ADDED. */
  readonly before?: KubeObject;
};

const DEFAULT_CAPACITY = 8192;

export class EventLog {
  readonly #capacity: number;
  /** Index of the first event kept, counted from the start of the process. */
  #first = 0;
  #events: StoredEvent[] = [];
  /** Versions up to this one can no longer be told apart. */
  #compacted: number;
  #waiting = new Set<() => void>();
  #closed = false;

  constructor(version: number, capacity: number = DEFAULT_CAPACITY) {
    this.#compacted = version;
    this.#capacity = capacity;
  }

  /** Adds events and wakes all watchers once. */
  append(events: readonly StoredEvent[]): void {
    this.#events.push(...events);
    // Trimmed a half at a time, so that the cost of shifting is shared by many events.
    if (this.#events.length > this.#capacity * 1.5) this.#trim();
    this.#wake();
  }

  /** Nothing more will come: watchers are woken so that they end. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  get closed(): boolean {
    return this.#closed;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }

  #trim(): void {
    const drop = this.#events.length - this.#capacity;
    this.#compacted = this.#events[drop - 1]?.version ?? this.#compacted;
    this.#events = this.#events.slice(drop);
    this.#first += drop;
  }

  /** Position after every event up to `version`; `undefined` when some after it are no longer known. */
  positionAfter(version: number): number | undefined {
    if (version < this.#compacted) return undefined;
    let low = 0;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#events[middle]?.version ?? 0) <= version) low = middle + 1;
      else high = middle;
    }
    return this.#first + low;
  }

  /** Position after the newest event. */
  get end(): number {
    return this.#first + this.#events.length;
  }

  /** Up to `limit` events from a position on; `undefined` when the position has left the log. */
  read(position: number, limit: number): readonly StoredEvent[] | undefined {
    if (position < this.#first) return undefined;
    return this.#events.slice(position - this.#first, position - this.#first + limit);
  }

  /** The oldest version from which a watch may start. */
  get oldest(): number {
    return this.#compacted;
  }

  /** Calls `wake` once at the next event; the answer takes the wish back. */
  onNext(wake: () => void): () => void {
    this.#waiting.add(wake);
    return () => this.#waiting.delete(wake);
  }
}
