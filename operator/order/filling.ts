/**
 * Buckets as they fill. Of what is fetched for its own sake a product may be split between buckets (P29); the inputs of a run are not, because a
 * program that saw half a product would give a result that looks whole: a product that alone is over the bounds is a run of its own.
 */
import type { FoundFile, FoundProduct } from "#catalog/catalogue.ts";
import type { NewFile, NewSubOrder, ProcessRun } from "#store/files.ts";

export type Bounds = { readonly files: number; readonly bytes: number; readonly products: number };

/** Files of one product that go into the same kind of bucket. */
export type Lot = {
  /** Of the bucket: one of a key is open at a time. */
  readonly key: string;
  readonly product: FoundProduct;
  readonly files: readonly FoundFile[];
  readonly reference: boolean;
  readonly bounds: Bounds;
  readonly process?: ProcessRun;
};

type Bucket = Pick<NewSubOrder, "dataset" | "reference" | "process"> & {
  readonly files: NewFile[];
  bytes: number;
  products: number;
};

export class Filling {
  readonly #closed: Bucket[] = [];
  readonly #open = new Map<string, Bucket>();

  /** Puts a product in; tells whether a bucket was closed for it before its first file, or by its last. */
  add(lots: readonly Lot[]): { readonly before: boolean; readonly after: boolean } {
    let before = false;
    let after = false;
    for (const lot of lots) {
      if (!this.#fits(lot, lot.files)) {
        this.#close(lot.key);
        before = true;
      }
      for (const file of lot.files) this.#put(lot, file);
      const bucket = this.#open.get(lot.key);
      if (bucket) bucket.products++;
      if (this.#fits(lot, [{ size: 1 }])) continue;
      this.#close(lot.key);
      // Where each product is a bucket there is always one that is full.
      if (lot.bounds.products > 1) after = true;
    }
    return { before, after };
  }

  closeAll(): readonly Omit<NewSubOrder, "number">[] {
    for (const key of this.#open.keys()) this.#close(key);
    return this.#closed.map(({ bytes: _bytes, products: _products, ...bucket }) => bucket);
  }

  #put(lot: Lot, file: FoundFile): void {
    const { key, product, reference, process } = lot;
    if (!process && !this.#fits(lot, [file])) this.#close(key);
    const fresh = {
      dataset: product.dataset,
      reference,
      files: [],
      bytes: 0,
      products: 0,
      ...(process && { process }),
    };
    const bucket: Bucket = this.#open.get(key) ?? fresh;
    this.#open.set(key, bucket);
    bucket.files.push(newFile(product, file));
    bucket.bytes += file.size ?? 0;
  }

  #fits({ key, bounds }: Lot, files: readonly { readonly size?: number }[]): boolean {
    const bucket = this.#open.get(key);
    if (bucket === undefined) return true;
    if (bucket.products >= bounds.products || bucket.files.length + files.length > bounds.files) return false;
    return files.reduce((sum, file) => sum + (file.size ?? 0), bucket.bytes) <= bounds.bytes;
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
