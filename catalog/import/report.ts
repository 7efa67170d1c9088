/** What an import did, for the person who started it. Warnings are kept to a number that can be read. */

export type ImportReport = {
  readonly datasets: number;
  /** Met in the source; they were created, updated or found unchanged. */
  readonly products: number;
  readonly files: number;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  /** No longer in the source. */
  readonly removed: number;
  /** The first hundred. */
  readonly warnings: readonly string[];
  readonly warningsTotal: number;
  /** Folders (absolute) that `file:` products lie in: the worker reads only below folders that the tenant allows. */
  readonly roots: readonly string[];
};

const KEPT_WARNINGS = 100;

export type Written = { readonly created: number; readonly updated: number; readonly unchanged: number };

/** Collects a report while an import runs. */
export class Tally {
  readonly #datasets = new Set<string>();
  readonly #roots = new Set<string>();
  readonly #warnings = new Set<string>();
  #warningsTotal = 0;
  #sums = { products: 0, files: 0, created: 0, updated: 0, unchanged: 0, removed: 0 };

  get sofar(): { readonly products: number; readonly files: number } {
    return { products: this.#sums.products, files: this.#sums.files };
  }

  dataset(id: string): void {
    this.#datasets.add(id);
  }

  root(folder: string): void {
    this.#roots.add(folder);
  }

  batch(products: readonly { readonly files: readonly unknown[] }[], written: Written): void {
    this.#sums.products += products.length;
    this.#sums.files += products.reduce((sum, product) => sum + product.files.length, 0);
    this.#sums.created += written.created;
    this.#sums.updated += written.updated;
    this.#sums.unchanged += written.unchanged;
  }

  removed(count: number): void {
    this.#sums.removed += count;
  }

  /** The same warning counts each time and is kept once. */
  warn(message: string): void {
    this.#warningsTotal++;
    if (this.#warnings.size < KEPT_WARNINGS) this.#warnings.add(message);
  }

  report(): ImportReport {
    return {
      ...this.#sums,
      datasets: this.#datasets.size,
      warnings: [...this.#warnings],
      warningsTotal: this.#warningsTotal,
      roots: [...this.#roots].sort(),
    };
  }
}
