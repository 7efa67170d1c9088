/**
 * A watch as a stream of lines: what is there (where asked for), then what happens, with bookmarks while nothing does.
 * The reader pulls; between pulls only a position in the log is held, so hundreds of slow readers cost no memory.
 */
import type { Kube, Target } from "../kube.ts";
import type { KubeObject } from "../object.ts";
import type { ListOptions } from "../request/list-options.ts";
import { apiVersionOf } from "../resources/kind.ts";
import { gone, type Status, tooLargeVersion } from "../status.ts";
import type { EventLog } from "../storage/event-log.ts";
import { listObjects } from "../verbs/list.ts";
import { type Interest, seenBy, type WatchEvent } from "./cursor.ts";

/** Turns an event's object into what the client asked for (Table, metadata only); the text of the whole line's object. */
export type Encode = (object: KubeObject, first: boolean) => string;

const BATCH = 256;
const BOOKMARK_MS = 55_000;
/** A real server ends a watch without a time limit after 30 to 60 minutes. */
const DEFAULT_TIMEOUT_S = 1800;

export function watch(
  kube: Kube,
  target: Pick<Target, "kind" | "namespace">,
  options: ListOptions,
  encode: Encode,
): ReadableStream<Uint8Array> {
  const watcher = new Watcher(kube, target, options, encode);
  return new ReadableStream<Uint8Array>(
    { pull: (controller) => watcher.pull(controller), cancel: () => watcher.stop() },
    { highWaterMark: 1 },
  );
}

class Watcher {
  readonly #kube: Kube;
  readonly #interest: Interest;
  readonly #options: ListOptions;
  readonly #encode: Encode;
  readonly #log: EventLog;
  readonly #encoder = new TextEncoder();
  readonly #ends: number;
  #position: number | undefined;
  #initial: readonly string[];
  #stopped = false;
  #lines = 0;
  #lastWrite: number;
  #release: () => void = () => {};

  constructor(kube: Kube, target: Pick<Target, "kind" | "namespace">, options: ListOptions, encode: Encode) {
    this.#kube = kube;
    this.#options = options;
    this.#encode = encode;
    this.#interest = { kind: target.kind, namespace: target.kind.namespaced ? target.namespace : "", options };
    this.#log = kube.store.collection(target.kind.storage).log;
    // The clock of time limits must not jump with the injected one.
    this.#ends = performance.now() + (options.timeoutSeconds || DEFAULT_TIMEOUT_S) * 1000;
    this.#lastWrite = performance.now();
    this.#initial = this.#start(target);
  }

  /** The first lines, and the place in the log that follows them. */
  #start(target: Pick<Target, "kind" | "namespace">): readonly string[] {
    const asked = this.#options.resourceVersion;
    const current = this.#kube.store.version;
    if (asked !== undefined && asked > current) return this.#fail(tooLargeVersion(asked, current).status);
    if (asked === undefined || asked === 0 || this.#options.sendInitialEvents) {
      this.#position = this.#log.end;
      const listed = listObjects(this.#kube, target, {
        ...this.#options,
        limit: 0,
        continueToken: "",
        resourceVersion: undefined,
      });
      const lines = listed.items.map((object) => this.#line({ type: "ADDED", object }));
      return this.#options.sendInitialEvents && this.#options.bookmarks ? [...lines, this.#bookmark(true)] : lines;
    }
    this.#position = this.#log.positionAfter(asked);
    if (this.#position === undefined) return this.#tooOld(asked);
    return [];
  }

  #tooOld(asked: number): readonly string[] {
    return this.#fail(gone(`too old resource version: ${asked} (${this.#log.oldest})`).status);
  }

  #fail(status: Status): readonly string[] {
    this.#stopped = true;
    return [`{"type":"ERROR","object":${JSON.stringify(status)}}\n`];
  }

  #line({ type, object }: WatchEvent): string {
    return `{"type":"${type}","object":${this.#encode(object, this.#lines++ === 0)}}\n`;
  }

  #bookmark(initialEnd: boolean): string {
    const { kind } = this.#interest;
    const object: KubeObject = {
      kind: kind.kind,
      apiVersion: apiVersionOf(kind),
      metadata: {
        name: "",
        resourceVersion: String(this.#kube.store.version),
        ...(initialEnd && { annotations: { "k8s.io/initial-events-end": "true" } }),
      },
    };
    return `{"type":"BOOKMARK","object":${this.#encode(object, false)}}\n`;
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    for (;;) {
      const lines = this.#next();
      if (lines.length > 0) {
        this.#lastWrite = performance.now();
        controller.enqueue(this.#encoder.encode(lines.join("")));
        return;
      }
      if (this.#stopped || this.#log.closed || performance.now() >= this.#ends) {
        controller.close();
        return;
      }
      await this.#wait();
    }
  }

  /** The lines that are ready now. */
  #next(): readonly string[] {
    if (this.#initial.length > 0) {
      const lines = this.#initial.slice(0, BATCH);
      this.#initial = this.#initial.slice(BATCH);
      return lines;
    }
    const lines: string[] = [];
    while (lines.length === 0 && !this.#stopped && this.#position !== undefined) {
      const events = this.#log.read(this.#position, BATCH);
      if (events === undefined) return this.#fail(gone("too old resource version: the watch has fallen behind").status);
      if (events.length === 0) break;
      this.#position += events.length;
      for (const event of events) {
        const seen = seenBy(event, this.#interest);
        if (seen) lines.push(this.#line(seen));
      }
    }
    const quiet = performance.now() - this.#lastWrite >= BOOKMARK_MS;
    return lines.length === 0 && quiet && this.#options.bookmarks ? [this.#bookmark(false)] : lines;
  }

  /** Until the next event, the next bookmark, or the end of the time. */
  async #wait(): Promise<void> {
    const now = performance.now();
    const bookmark = this.#options.bookmarks ? this.#lastWrite + BOOKMARK_MS - now : Number.POSITIVE_INFINITY;
    const ms = Math.max(1, Math.min(this.#ends - now, bookmark));
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      const forget = this.#log.onNext(resolve);
      this.#release = () => {
        clearTimeout(timer);
        forget();
        resolve();
      };
    });
    this.#release();
  }

  stop(): void {
    this.#stopped = true;
    this.#release();
  }
}
