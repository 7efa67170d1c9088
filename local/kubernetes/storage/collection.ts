/**
 * All objects of one resource type in memory, as they were last committed, and the log of what happened to them.
 * Lists are in the order of `namespace/name`, as etcd gives them.
 */
import type { KubeObject } from "../object.ts";
import { EventLog, type StoredEvent } from "./event-log.ts";

/** Key of an object within its collection. */
export function objectKey(namespace: string, name: string): string {
  return namespace === "" ? name : `${namespace}/${name}`;
}

export class Collection {
  readonly log: EventLog;
  readonly #objects = new Map<string, KubeObject>();
  /** Keys in order; dropped when one is added or removed. */
  #keys: readonly string[] | undefined;

  constructor(version: number, logCapacity?: number) {
    this.log = new EventLog(version, logCapacity);
  }

  get size(): number {
    return this.#objects.size;
  }

  get(namespace: string, name: string): KubeObject | undefined {
    return this.#objects.get(objectKey(namespace, name));
  }

  /** The objects of a namespace (of all with ""), in order, as they stand now: a snapshot that stays as it is. */
  list(namespace: string): readonly KubeObject[] {
    this.#keys ??= [...this.#objects.keys()].sort();
    const prefix = namespace === "" ? "" : `${namespace}/`;
    const found: KubeObject[] = [];
    for (const key of this.#keys) {
      if (!key.startsWith(prefix)) continue;
      const object = this.#objects.get(key);
      if (object) found.push(object);
    }
    return found;
  }

  /** Puts an object in place without an event: at start. */
  load(object: KubeObject): void {
    this.#set(object);
  }

  /** Makes a committed write visible and says what happened. */
  apply(
    key: { namespace: string; name: string },
    version: number,
    object: KubeObject | undefined,
  ): StoredEvent | undefined {
    const before = this.get(key.namespace, key.name);
    if (object) {
      this.#set(object);
      return before ? { type: "MODIFIED", version, object, before } : { type: "ADDED", version, object };
    }
    if (!before) return undefined;
    this.#objects.delete(objectKey(key.namespace, key.name));
    this.#keys = undefined;
    const last = { ...before, metadata: { ...before.metadata, resourceVersion: String(version) } };
    return { type: "DELETED", version, object: last, before };
  }

  #set(object: KubeObject): void {
    const key = objectKey(object.metadata.namespace ?? "", object.metadata.name);
    if (!this.#objects.has(key)) this.#keys = undefined;
    this.#objects.set(key, object);
  }
}
