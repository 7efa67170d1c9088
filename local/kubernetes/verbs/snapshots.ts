/**
 * Lists that are read in pages: the snapshot of the first page is kept for the ones after it, so that a paged list is of one moment.
 * Objects never change once made, so a snapshot costs only its references. It is forgotten after five minutes, as by etcd's compaction.
 */
import type { KubeObject } from "../object.ts";
import { gone } from "../status.ts";

type Snapshot = { readonly items: readonly KubeObject[]; readonly version: number; readonly expires: number };

const LIFETIME_MS = 5 * 60 * 1000;
const MAX_SNAPSHOTS = 100;

const EXPIRED =
  "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.";

export class ListSnapshots {
  readonly #snapshots = new Map<string, Snapshot>();
  readonly #now: () => Date;

  constructor(now: () => Date) {
    this.#now = now;
  }

  /** Keeps the rest of a list; the answer is the token for its next page. */
  keep(items: readonly KubeObject[], version: number): string {
    this.#sweep();
    const token = crypto.randomUUID();
    this.#snapshots.set(token, { items, version, expires: this.#now().getTime() + LIFETIME_MS });
    return token;
  }

  /** What is left to read; a page may be asked for again. */
  take(token: string): Snapshot {
    const found = this.#snapshots.get(token);
    if (!found || found.expires < this.#now().getTime()) throw gone(EXPIRED);
    return found;
  }

  #sweep(): void {
    const now = this.#now().getTime();
    for (const [token, snapshot] of this.#snapshots) {
      if (snapshot.expires < now || this.#snapshots.size >= MAX_SNAPSHOTS) this.#snapshots.delete(token);
    }
  }
}
