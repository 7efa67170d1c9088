/**
 * Cuts what the catalogue found into sub-orders. Pure: the same cursor and the same products give the same sub-orders, always.
 * Nothing is carried in memory from one part of the search to the next: a part is written up to a product at which a bucket happened to be
 * full, every bucket is closed there, and the cursor says to go on behind that product. So a kill between parts loses and doubles nothing,
 * and the files of one product are always written together.
 */
import type { DatasetFiles, FoundFile, FoundProduct } from "#catalog/catalogue.ts";
import type { NewSubOrder, ProcessRun } from "#store/files.ts";
import { type Bounds, Filling, type Lot } from "./filling.ts";

/** How far the search has come; kept in the order's row, as JSON. */
export type Cursor = {
  /** Every product up to this id is written. */
  readonly after: number;
  /** Sub-orders made, and those of them that have files to fetch. */
  readonly made: number;
  readonly internal: number;
  /** Why the search was ended before its time. */
  readonly stopped?: { readonly reason: StopReason; readonly message: string };
};

export type StopReason = "CatalogueFailed" | "ProcessFailed" | "Cancelled";

export const START: Cursor = { after: 0, made: 0, internal: 0 };

/** `files` are those that are ordered as they are; `inputs` those that the part's runs take, by the index of the run. */
export type PartProduct = FoundProduct & { readonly inputs?: readonly (readonly FoundFile[])[] };

/** What a process is called with: each bucket of it is one run. */
export type Runs = {
  readonly process: ProcessRun;
  /** Bounds of one run beside those of any sub-order. */
  readonly limits: Partial<Bounds>;
};

/** A part of the search: products in the order of their ids, each with the files that were chosen of it. */
export type Part = {
  readonly products: readonly PartProduct[];
  readonly runs?: readonly Runs[];
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

/** Cuts one part of the search, or as much of its beginning as fills its buckets well. */
export function cut(cursor: Cursor, part: Part, limits: Limits): Cut {
  const lots = (product: PartProduct) => lotsOf(product, { runs: part.runs ?? [], limits });
  const products = part.last ? part.products : part.products.slice(0, wellFilled(part.products, lots));
  const filling = new Filling();
  for (const product of products) filling.add(lots(product));
  for (const files of part.attached ?? []) filling.add(lots(asProduct(files)));
  const subOrders = filling.closeAll().map((bucket, i) => ({ number: cursor.made + i + 1, ...bucket }));
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

/** A dataset's own files are told under its URN and label; no filter of a selection is asked about them, and no process runs on them. */
function asProduct({ dataset, files }: DatasetFiles): FoundProduct {
  return { id: 0, urn: dataset.urn, providerId: dataset.label, version: 1, dataset, files, matched: [] };
}

/** How many of the products to write: up to the last one in the second half that was followed by a new bucket; without such, all. */
function wellFilled(products: readonly PartProduct[], lots: (product: PartProduct) => readonly Lot[]): number {
  const filling = new Filling();
  let best = products.length;
  for (const [i, product] of products.entries()) {
    const { before, after } = filling.add(lots(product));
    if (before && i > products.length / 2) best = i;
    if (after && i + 1 > products.length / 2) best = i + 1;
  }
  return best;
}

/** What of a product goes into which buckets: its files to fetch and its references apart, and all inputs of a run together. */
function lotsOf(product: PartProduct, o: { readonly runs: readonly Runs[]; readonly limits: Limits }): readonly Lot[] {
  const { dataset } = product;
  const most = { files: o.limits.maxFiles, bytes: o.limits.maxBytes, products: Number.POSITIVE_INFINITY };
  const plain = [false, true].map((reference): Lot => {
    const files = product.files.filter((file) => file.reference === reference);
    const bounds = reference ? { ...most, bytes: Number.POSITIVE_INFINITY } : most;
    const key = `${reference ? "reference" : "internal"} ${dataset.urn}`;
    return { key, product, files, reference, bounds };
  });
  const runs = o.runs.map(({ process, limits }, i): Lot => {
    const bounds = {
      files: Math.min(most.files, limits.files ?? most.files),
      bytes: Math.min(most.bytes, limits.bytes ?? most.bytes),
      products: process.scope === "Product" ? 1 : (limits.products ?? most.products),
    };
    return {
      key: `run ${i} ${dataset.urn}`,
      product,
      files: product.inputs?.[i] ?? [],
      reference: false,
      bounds,
      process,
    };
  });
  return [...plain, ...runs].filter(({ files }) => files.length > 0);
}
