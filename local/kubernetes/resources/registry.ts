/** The resource types that are served at this moment; custom ones come and go with their CustomResourceDefinition. */
import type { Kind } from "./kind.ts";

export class Registry {
  readonly #kinds = new Map<string, Kind>();
  /** Raised with every change, so that discovery and OpenAPI documents can be kept until then. */
  #revision = 0;

  constructor(kinds: readonly Kind[]) {
    for (const kind of kinds) this.add(kind);
  }

  get revision(): number {
    return this.#revision;
  }

  add(kind: Kind): void {
    this.#kinds.set(`${kind.group}/${kind.version}/${kind.plural}`, kind);
    this.#revision++;
  }

  remove(group: string, plural: string): void {
    for (const [key, kind] of this.#kinds) {
      if (kind.group === group && kind.plural === plural) this.#kinds.delete(key);
    }
    this.#revision++;
  }

  find(group: string, version: string, plural: string): Kind | undefined {
    return this.#kinds.get(`${group}/${version}/${plural}`);
  }

  /** All types, in the order in which they were added. */
  all(): readonly Kind[] {
    return [...this.#kinds.values()];
  }

  /** Group and version pairs with at least one type, the core group first. */
  groupVersions(): readonly { readonly group: string; readonly version: string }[] {
    const seen = new Map<string, { group: string; version: string }>();
    for (const { group, version } of this.all()) seen.set(`${group}/${version}`, { group, version });
    return [...seen.values()].sort((a, b) => a.group.localeCompare(b.group));
  }

  of(group: string, version: string): readonly Kind[] {
    return this.all().filter((kind) => kind.group === group && kind.version === version);
  }
}
