/**
 * Keeps a cache of one kind in step with the API server: list once, then watch, for as long as it runs, whatever happens to the connection.
 * A watch that says nothing, not even its own end, for longer than the server was asked to hold it is dead: it is dropped and taken up again.
 */
import type { Logger } from "pino";
import { type Cache, type Change, type Indexes, ObjectCache } from "./cache.ts";
import { isGone, isUnreachable } from "./errors.ts";
import { abortable, type Backoff, backoffMs, pause } from "./pause.ts";
import type { KubeObject, ResourceApi } from "./resource.ts";
import type { WatchEvent } from "./watch-events.ts";

export type ReflectorOptions<T> = {
  readonly labelSelector?: string;
  readonly indexes?: Indexes<T>;
  /** Called for every change in order, after the cache has it. What it throws is logged; the next change comes all the same. */
  readonly onChange?: (change: Change<T>) => void;
  readonly now: () => Date;
  readonly random: () => number;
  readonly logger: Logger;
  /** Silence after which a watch counts as dead; the server is asked to end it a little before. */
  readonly idleMs?: number;
  /** A full list is read again after this time, in case the stream left something out. */
  readonly relistMs?: number;
  readonly backoff?: Backoff;
};

export type ReflectorHealth = {
  readonly synced: boolean;
  /** When the server last said anything. */
  readonly lastActivity: Date;
  /** Lists after the first. */
  readonly relists: number;
  /** The server has taken the watch that is open now. */
  readonly following: boolean;
  /** Failures in a row. */
  readonly failures: number;
  /** When the loop last came round, by `performance.now()`: it does so at least once in `idleMs` or after a pause, whatever the server does. */
  readonly turnedAt: number;
};

export type Reflector<T> = {
  readonly cache: Cache<T>;
  /** Runs until the signal aborts; never throws. */
  run(signal: AbortSignal): Promise<void>;
  /** Resolves when the first list is in the cache. */
  synced(signal: AbortSignal): Promise<void>;
  health(): ReflectorHealth;
};

const PAGE = 500;
const DEFAULT_IDLE_MS = 60_000;
const DEFAULT_RELIST_MS = 1_800_000;
const DEFAULT_BACKOFF: Backoff = { firstMs: 200, longestMs: 30_000 };
/** A watch that ends sooner than this without an event counts as a failure, so that a broken server is not asked in a tight loop. */
const SHORT_WATCH_MS = 1_000;

export function reflector<T extends KubeObject>(api: ResourceApi<T>, options: ReflectorOptions<T>): Reflector<T> {
  return new ReflectorLoop(api, options);
}

class ReflectorLoop<T extends KubeObject> implements Reflector<T> {
  readonly cache: ObjectCache<T>;
  readonly #api: ResourceApi<T>;
  readonly #options: ReflectorOptions<T>;
  readonly #firstList = Promise.withResolvers<void>();
  /** The version to go on from; absent when a list is needed. */
  #version: string | undefined;
  #lists = 0;
  #listedAt = 0;
  #failures = 0;
  #following = false;
  #turnedAt = performance.now();
  #lastActivity: Date;

  constructor(api: ResourceApi<T>, options: ReflectorOptions<T>) {
    this.#api = api;
    this.#options = options;
    this.#lastActivity = options.now();
    this.cache = new ObjectCache(options.indexes);
  }

  health(): ReflectorHealth {
    return {
      synced: this.#lists > 0,
      lastActivity: this.#lastActivity,
      relists: Math.max(0, this.#lists - 1),
      following: this.#following,
      failures: this.#failures,
      turnedAt: this.#turnedAt,
    };
  }

  async synced(signal: AbortSignal): Promise<void> {
    await abortable(this.#firstList.promise, signal);
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.#turnedAt = performance.now();
      try {
        if (this.#listIsDue()) await this.#list(signal);
        await this.#watch(signal);
      } catch (error) {
        if (signal.aborted) return;
        await this.#recover(error, signal);
      }
    }
  }

  #listIsDue(): boolean {
    const relistMs = this.#options.relistMs ?? DEFAULT_RELIST_MS;
    return this.#version === undefined || performance.now() - this.#listedAt > relistMs;
  }

  /** Reads everything, page by page. The cache takes each page at once; what is gone goes after the last. */
  async #list(signal: AbortSignal): Promise<void> {
    const names = new Set<string>();
    const initial = this.#lists === 0;
    let next: string | undefined;
    let version: string;
    do {
      const page = await this.#api.list({
        limit: PAGE,
        signal,
        ...this.#selector(),
        ...(next ? { continue: next } : {}),
      });
      this.#lastActivity = this.#options.now();
      this.#turnedAt = performance.now();
      for (const object of page.items) {
        names.add(object.metadata.name);
        this.#tell(this.cache.put(withoutManagedFields(object), initial));
      }
      version = page.resourceVersion;
      next = page.continue;
    } while (next !== undefined);
    this.#tell(this.cache.keepOnly(names));
    this.#version = version;
    this.#listedAt = performance.now();
    this.#lists++;
    this.#firstList.resolve();
  }

  /** Follows the changes until the server ends the watch or falls silent; throws for everything else. */
  async #watch(signal: AbortSignal): Promise<void> {
    const idleMs = this.#options.idleMs ?? DEFAULT_IDLE_MS;
    const silent = new AbortController();
    const timer = setTimeout(() => silent.abort(new Error("The watch fell silent")), idleMs);
    const started = performance.now();
    let events = 0;
    try {
      const stream = this.#api.watch({
        resourceVersion: this.#version ?? "",
        timeoutSeconds: Math.max(1, Math.floor((idleMs / 1000) * 0.8)),
        onOpen: () => {
          this.#following = true;
        },
        signal: AbortSignal.any([signal, silent.signal]),
        ...this.#selector(),
      });
      for await (const event of stream) {
        timer.refresh();
        events++;
        this.#take(event);
      }
    } catch (error) {
      if (signal.aborted || !silent.signal.aborted) throw error;
      this.#options.logger.warn({ resource: this.#api.type.plural, idleMs }, "Watch fell silent and was opened again");
      return;
    } finally {
      clearTimeout(timer);
      this.#following = false;
    }
    if (events === 0 && performance.now() - started < SHORT_WATCH_MS)
      throw new Error("The server ended the watch at once");
    this.#lastActivity = this.#options.now();
    this.#failures = 0;
  }

  #take(event: WatchEvent<T>): void {
    this.#turnedAt = performance.now();
    this.#lastActivity = this.#options.now();
    this.#failures = 0;
    if (event.kind === "bookmark") {
      this.#version = event.resourceVersion;
      return;
    }
    const object = withoutManagedFields(event.object);
    this.#version = object.metadata.resourceVersion ?? this.#version;
    this.#tell(event.kind === "deleted" ? this.cache.remove(object) : this.cache.put(object));
  }

  /** After an error: list again unless it was only the connection, and wait longer each time. A first 410 is answered at once. */
  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    const fields = { resource: this.#api.type.plural, err: error, failures: ++this.#failures };
    if (isGone(error)) {
      this.#version = undefined;
      this.#options.logger.info(fields, "Watch was too old and everything is listed again");
      if (this.#failures === 1) return;
    } else {
      if (!isUnreachable(error)) this.#version = undefined;
      this.#options.logger.warn(fields, "Watch failed and is tried again");
    }
    const { random, backoff = DEFAULT_BACKOFF } = this.#options;
    await pause(backoffMs(this.#failures, { ...backoff, random }), signal).catch(() => {});
  }

  #tell(changes: readonly Change<T>[]): void {
    for (const change of changes) {
      try {
        this.#options.onChange?.(change);
      } catch (error) {
        this.#options.logger.error(
          { resource: this.#api.type.plural, name: change.name, err: error },
          "Change handler failed",
        );
      }
    }
  }

  #selector(): { readonly labelSelector?: string } {
    return this.#options.labelSelector === undefined ? {} : { labelSelector: this.#options.labelSelector };
  }
}

/** Who wrote which field is up to half of an object's size and nobody here reads it. */
function withoutManagedFields<T extends KubeObject>(object: T): T {
  const { managedFields: _, ...metadata } = object.metadata as T["metadata"] & { readonly managedFields?: unknown };
  return { ...object, metadata };
}
