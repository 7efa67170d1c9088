/**
 * Cuts what the catalogue found into sub-orders. Pure: the same cursor and the same products give the same sub-orders, always.
 * Nothing is carried in memory from one part of the search to the next: a part is written up to a product at which a bucket happened to be
 * full, every bucket is closed there, and the cursor says to go on behind that product. So a kill between parts loses and doubles nothing,
 * and the files of one product are always written together.
 */
import type { DatasetFiles, FoundFile, FoundProduct } from "#catalog/catalogue.ts";
import type { NewFile, NewSubOrder } from "#store/files.ts";

/** How far the search has come; kept in the order's row, as JSON. */
export type Cursor = {
  /** Every product up to this id is written. */
  readonly after: number;
  /** Sub-orders made, and those of them that have files to fetch. */
  readonly made: number;
  readonly internal: number;
  /** Why the search was ended before its time. */
  readonly stopped?: { readonly reason: "CatalogueFailed" | "Cancelled"; readonly message: string };
};

export const START: Cursor = { after: 0, made: 0, internal: 0 };

/** A part of the search: products in the order of their ids, each with the files that were chosen of it. */
export type Part = {
  readonly products: readonly FoundProduct[];
  readonly last: boolean;
  /** With the last part: the own files of the datasets that the order has products of. */
  readonly attached?: readonly DatasetFiles[];
};
export type Limits = { readonly maxFiles: number; readonly maxBytes: number };
export type Cut = {
  readonly cursor: Cursor;
  readonly subOrders: readonly NewSubOrder[];
  readonly products: number;
  readonly done: boolean;
};

type Bucket = {
  readonly dataset: FoundProduct["dataset"];
  readonly reference: boolean;
  readonly files: NewFile[];
  bytes: number;
};

/** Cuts one part of the search, or as much of its beginning as fills its buckets well. */
export function cut(cursor: Cursor, part: Part, limits: Limits): Cut {
  const products = part.last ? part.products : part.products.slice(0, wellFilled(part.products, limits));
  const buckets = new Buckets(limits);
  for (const product of products) buckets.add(product);
  for (const files of part.attached ?? []) buckets.add(asProduct(files));
  const subOrders = buckets.closeAll().map((bucket, i) => ({
    number: cursor.made + i + 1,
    dataset: bucket.dataset,
    reference: bucket.reference,
    files: bucket.files,
  }));
  return {
    cursor: {
      after: products.at(-1)?.id ?? cursor.after,
      made: cursor.made + subOrders.length,
      internal: cursor.internal + subOrders.filter((s) => !s.reference).length,
    },
    subOrders,
    products: products.length,
    done: part.last,
  };
}

/** A dataset's own files are told under its URN and label; no filter of a selection is asked about them. */
function asProduct({ dataset, files }: DatasetFiles): FoundProduct {
  return { id: 0, urn: dataset.urn, providerId: dataset.label, version: 1, dataset, files, matched: [] };
}

/** How many of the products to write: up to the last one in the second half that was followed by a new bucket; without such, all. */
function wellFilled(products: readonly FoundProduct[], limits: Limits): number {
  const buckets = new Buckets(limits);
  let best = products.length;
  for (const [i, product] of products.entries()) {
    const { before, after } = buckets.add(product);
    if (before && i > products.length / 2) best = i;
    if (after && i + 1 > products.length / 2) best = i + 1;
  }
  return best;
}

/** The open and the closed buckets while a part is cut: one open at a time for each dataset's internal and reference files. */
class Buckets {
  readonly #limits: Limits;
  readonly #closed: Bucket[] = [];
  readonly #open = new Map<string, Bucket>();

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Puts the files of a product in; tells whether a bucket was closed for it before its first file, or by its last. */
  add(product: FoundProduct): { readonly before: boolean; readonly after: boolean } {
    let before = false;
    let after = false;
    for (const reference of [false, true]) {
      const files = product.files.filter((file) => file.reference === reference);
      if (files.length === 0) continue;
      const key = `${reference ? "reference" : "internal"} ${product.dataset.urn}`;
      if (!this.#fits(key, files)) {
        this.#close(key);
        before = true;
      }
      for (const file of files) this.#put(key, product, file);
      if (!this.#fits(key, [{ size: 1 }])) {
        this.#close(key);
        after = true;
      }
    }
    return { before, after };
  }

  closeAll(): readonly Bucket[] {
    for (const key of this.#open.keys()) this.#close(key);
    return this.#closed;
  }

  /** A product that alone is bigger than a sub-order may be is split; a file is not. */
  #put(key: string, product: FoundProduct, file: FoundFile): void {
    if (!this.#fits(key, [file])) this.#close(key);
    const bucket = this.#open.get(key) ?? { dataset: product.dataset, reference: file.reference, files: [], bytes: 0 };
    this.#open.set(key, bucket);
    bucket.files.push(newFile(product, file));
    bucket.bytes += file.size ?? 0;
  }

  #fits(key: string, files: readonly { readonly size?: number }[]): boolean {
    const bucket = this.#open.get(key);
    if (bucket === undefined) return true;
    if (bucket.files.length + files.length > this.#limits.maxFiles) return false;
    const bytes = files.reduce((sum, file) => sum + (file.size ?? 0), bucket.bytes);
    return bucket.reference || bytes <= this.#limits.maxBytes;
  }

  #close(key: string): void {
    const bucket = this.#open.get(key);
    if (bucket === undefined) return;
    this.#open.delete(key);
    this.#closed.push(bucket);
  }
}

function newFile(product: FoundProduct, file: FoundFile): NewFile {
  return {
    productUrn: product.urn,
    providerId: product.providerId,
    productVersion: product.version,
    fileType: file.type,
    reference: file.reference,
    uri: file.uri,
    filename: file.filename,
    mimeType: file.mimeType,
    ...(file.size === undefined ? {} : { size: file.size }),
    ...(file.checksum === undefined ? {} : { checksum: file.checksum }),
    ...(file.algorithm === undefined ? {} : { algorithm: file.algorithm }),
  };
}
