/**
 * Where changes are made durable before anybody sees them.
 * The store hands over batches in the order of their versions; a batch that fails was not written at all.
 */
import type { KubeObject } from "../object.ts";

/** One committed write: the new object, or `undefined` where it was removed. */
export type Change = {
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  readonly version: number;
  readonly object: KubeObject | undefined;
};

export type Loaded = { readonly version: number; readonly objects: readonly Omit<Change, "version">[] };

export type Journal = {
  /** Takes the place of sole writer and reads everything there is. */
  open(): Promise<Loaded>;
  /** Writes all of it in one statement, or throws. */
  append(changes: readonly Change[]): Promise<void>;
  close(): Promise<void>;
};

/** Keeps nothing: for tests that need no restart. */
export function memoryJournal(): Journal {
  return {
    open: async () => ({ version: 0, objects: [] }),
    append: async () => {},
    close: async () => {},
  };
}
