/**
 * The server's memory: every object, versioned, durable before it is visible.
 *
 *   writer ─ exclusive(key) ─ compute ─ commit ──► batch ──► journal (one statement) ──► collections ──► watchers
 *
 * Writes that arrive while a statement is on its way share the next one, so the rate does not hang on the round trip,
 * and watchers see events in the order of their versions.
 */
import type { KubeObject } from "../object.ts";
import { unavailable } from "../status.ts";
import { Collection, objectKey } from "./collection.ts";
import type { StoredEvent } from "./event-log.ts";
import type { Change, Journal } from "./journal.ts";
import { KeyedLock } from "./keyed-lock.ts";

export type ObjectKey = { readonly resource: string; readonly namespace: string; readonly name: string };

type Pending = { readonly change: Change; settle(error: unknown): void };

const MAX_BATCH = 500;

export class ObjectStore {
  readonly #journal: Journal;
  readonly #collections = new Map<string, Collection>();
  readonly #locks = new KeyedLock();
  readonly #logCapacity: number | undefined;
  #version = 0;
  /** The version whose effects, and those of all before it, are visible. */
  #visible = 0;
  #pending: Pending[] = [];
  #flushing: Promise<void> | undefined;
  #closed = false;

  private constructor(journal: Journal, logCapacity: number | undefined) {
    this.#journal = journal;
    this.#logCapacity = logCapacity;
  }

  /** Reads the journal and becomes its only writer. */
  static async open(journal: Journal, options: { logCapacity?: number } = {}): Promise<ObjectStore> {
    const store = new ObjectStore(journal, options.logCapacity);
    const loaded = await journal.open();
    store.#version = loaded.version;
    store.#visible = loaded.version;
    for (const { resource, object } of loaded.objects) {
      if (object) store.collection(resource).load(object);
    }
    return store;
  }

  /** The version of what readers see now. */
  get version(): number {
    return this.#visible;
  }

  collection(resource: string): Collection {
    let found = this.#collections.get(resource);
    if (!found) {
      found = new Collection(this.#visible, this.#logCapacity);
      this.#collections.set(resource, found);
    }
    return found;
  }

  /** Runs `work` while nobody else writes the object. */
  exclusive<T>(key: ObjectKey, work: () => Promise<T>): Promise<T> {
    return this.#locks.run(`${key.resource}/${objectKey(key.namespace, key.name)}`, work);
  }

  /** Writes the object under the next version (`undefined` removes it); resolves once it is durable and visible. Only within `exclusive`. */
  async commit(key: ObjectKey, object: KubeObject | undefined): Promise<KubeObject | undefined> {
    if (this.#closed) throw unavailable("the server is shutting down");
    const version = ++this.#version;
    const stamped = object && {
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(version) },
    };
    const change: Change = { ...key, version, object: stamped };
    await new Promise<void>((resolve, reject) => {
      this.#pending.push({ change, settle: (error) => (error === undefined ? resolve() : reject(error)) });
      this.#flushing ??= this.#flush();
    });
    return stamped;
  }

  async #flush(): Promise<void> {
    // One turn of the event loop: what is being decided now joins the batch.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#pending.length > 0) {
      const batch = this.#pending.splice(0, MAX_BATCH);
      const changes = batch.map((pending) => pending.change);
      const error = await this.#journal.append(changes).then(
        () => undefined,
        (reason: unknown) => unavailable(`Cannot write to the database: ${String(reason)}`),
      );
      if (error === undefined) this.#publish(changes);
      for (const pending of batch) pending.settle(error);
    }
    this.#flushing = undefined;
  }

  #publish(changes: readonly Change[]): void {
    const events = new Map<Collection, StoredEvent[]>();
    for (const change of changes) {
      const collection = this.collection(change.resource);
      const event = collection.apply(change, change.version, change.object);
      const list = events.get(collection) ?? [];
      if (event) list.push(event);
      events.set(collection, list);
      this.#visible = change.version;
    }
    for (const [collection, list] of events) collection.log.append(list);
  }

  /** Lets what was begun end, then gives up the place of writer. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#flushing;
    for (const { log } of this.#collections.values()) log.close();
    await this.#journal.close();
  }
}
