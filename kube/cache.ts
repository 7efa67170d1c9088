/**
 * The objects of one kind in one namespace as last seen, by name and by indexes, and what each new sight of them changed.
 * A name whose UID differs from the one known is another object: it shows as the deletion of the old and the addition of the new.
 */
import type { KubeObject } from "./resource.ts";

export type Cache<T> = {
  get(name: string): T | undefined;
  list(): readonly T[];
  /** Objects that the index function filed under `key`. */
  by(index: string, key: string): readonly T[];
};

export type Change<T> = {
  readonly name: string;
  /** Part of the first list: it was there before we were, so it may wait for fresh work. */
  readonly initial: boolean;
} & (
  | { readonly kind: "added"; readonly now: T; readonly before?: undefined }
  | { readonly kind: "updated"; readonly now: T; readonly before: T }
  | { readonly kind: "deleted"; readonly now?: undefined; readonly before: T }
);

export type Indexes<T> = Readonly<Record<string, (object: T) => readonly string[]>>;

export class ObjectCache<T extends KubeObject> implements Cache<T> {
  readonly #objects = new Map<string, T>();
  readonly #indexes: Indexes<T>;
  readonly #entries = new Map<string, Map<string, Set<string>>>();

  constructor(indexes: Indexes<T> = {}) {
    this.#indexes = indexes;
    for (const index of Object.keys(indexes)) this.#entries.set(index, new Map());
  }

  get(name: string): T | undefined {
    return this.#objects.get(name);
  }

  list(): readonly T[] {
    return [...this.#objects.values()];
  }

  by(index: string, key: string): readonly T[] {
    const entries = this.#entries.get(index);
    if (entries === undefined) throw new Error(`Cannot look up '${key}': there is no index '${index}'`);
    const found: T[] = [];
    for (const name of entries.get(key) ?? []) {
      const object = this.#objects.get(name);
      if (object !== undefined) found.push(object);
    }
    return found;
  }

  /** Takes in an object that exists; no change where this very version is known already. */
  put(now: T, initial = false): Change<T>[] {
    const name = now.metadata.name;
    const before = this.#objects.get(name);
    if (before === undefined) {
      this.#set(now);
      return [{ kind: "added", name, initial, now }];
    }
    if (before.metadata.uid !== now.metadata.uid) {
      this.#set(now);
      return [
        { kind: "deleted", name, initial, before },
        { kind: "added", name, initial, now },
      ];
    }
    if (before.metadata.resourceVersion === now.metadata.resourceVersion) return [];
    this.#set(now);
    return [{ kind: "updated", name, initial, before, now }];
  }

  /** Takes out an object; one with another UID than the known one is not meant. */
  remove(gone: T): Change<T>[] {
    const name = gone.metadata.name;
    const before = this.#objects.get(name);
    if (before === undefined || before.metadata.uid !== gone.metadata.uid) return [];
    this.#unset(before);
    return [{ kind: "deleted", name, initial: false, before: gone }];
  }

  /** Takes out everything that a complete list no longer has. */
  keepOnly(names: ReadonlySet<string>): Change<T>[] {
    const changes: Change<T>[] = [];
    for (const [name, before] of this.#objects) {
      if (names.has(name)) continue;
      this.#unset(before);
      changes.push({ kind: "deleted", name, initial: false, before });
    }
    return changes;
  }

  #set(object: T): void {
    const before = this.#objects.get(object.metadata.name);
    if (before !== undefined) this.#unset(before);
    this.#objects.set(object.metadata.name, object);
    for (const [index, keysOf] of Object.entries(this.#indexes)) {
      const entries = this.#entries.get(index);
      for (const key of keysOf(object)) {
        const names = entries?.get(key);
        if (names === undefined) entries?.set(key, new Set([object.metadata.name]));
        else names.add(object.metadata.name);
      }
    }
  }

  #unset(object: T): void {
    this.#objects.delete(object.metadata.name);
    for (const [index, keysOf] of Object.entries(this.#indexes)) {
      const entries = this.#entries.get(index);
      for (const key of keysOf(object)) {
        const names = entries?.get(key);
        names?.delete(object.metadata.name);
        if (names?.size === 0) entries?.delete(key);
      }
    }
  }
}
