/**
 * Imports STAC: an item, a collection, a catalogue, an item collection or NDJSON of items, from a path or an HTTP address.
 * Importing again updates. Items stream through in batches, so the size of the source is no matter.
 */
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Db } from "#store/db.ts";
import { batches } from "./batches.ts";
import { finishImport } from "./finish.ts";
import type { ImportedDataset, ImportedFile, ImportedProduct, ImportOptions } from "./record.ts";
import { type ImportReport, Tally } from "./report.ts";
import { filesOf, readItem } from "./stac-item.ts";
import { addressOf } from "./stac-source.ts";
import { type Collection, walkStac } from "./stac-walk.ts";
import { type WrittenDataset, writeDataset, writeProducts } from "./write.ts";

export type StacOptions = ImportOptions & {
  /** Files are only referred to: never fetched, handed out from where they are. */
  readonly reference?: boolean;
};

type Import = { readonly db: Db; readonly address: string; readonly options: StacOptions; readonly tally: Tally };
type Found = { readonly dataset: string; readonly product: ImportedProduct };

const BATCH = 500;

export async function importStac(db: Db, source: string, options: StacOptions = {}): Promise<ImportReport> {
  const address = addressOf(source);
  const tally = new Tally();
  const run: Import = { db, address, options, tally };
  const datasets = new Map<string, ImportedDataset>();
  const written = new Map<string, WrittenDataset>();
  for await (const batch of batches(findProducts(run, datasets), BATCH)) {
    options.signal?.throwIfAborted();
    for (const [id, products] of byDataset(batch)) {
      const dataset = datasets.get(id) ?? { id, label: id };
      const row = written.get(id) ?? (await writeNew(run, dataset));
      written.set(id, row);
      await writeBatch(run, { products, dataset, row });
    }
  }
  for (const dataset of datasets.values()) if (!written.has(dataset.id)) await writeNew(run, dataset);
  const report = tally.report();
  await finishImport(db, report);
  return report;
}

async function* findProducts(run: Import, datasets: Map<string, ImportedDataset>): AsyncGenerator<Found> {
  const warn = (message: string) => run.tally.warn(message);
  const walk = walkStac(run.address, {
    warn,
    onDataset: (dataset, collection) => datasets.set(dataset.id, withFiles(run, dataset, collection)),
    ...(run.options.signal ? { signal: run.options.signal } : {}),
  });
  for await (const found of walk) {
    const product = readItem(found, { reference: run.options.reference ?? false, warn });
    if (!product) continue;
    const files = await Promise.all(product.files.map((file) => withSize(file, warn)));
    for (const file of files) noteFolder(run, file, warn);
    yield { dataset: found.dataset, product: { ...product, files } };
  }
}

/** A collection's own data and documents are files of the dataset; its pictures show it to people who choose, and are none. */
function withFiles({ options, tally }: Import, dataset: ImportedDataset, collection?: Collection): ImportedDataset {
  if (!collection) return dataset;
  const { document, base } = collection;
  const warn = (message: string) => tally.warn(`Collection '${dataset.id}': ${message}`);
  const context = { base, allowFiles: base.startsWith("file:"), reference: options.reference ?? false, warn };
  return { ...dataset, files: filesOf(document["assets"], context).filter(({ type }) => type === "RAWDATA") };
}

/** A local file tells its size where the item does not. */
async function withSize(file: ImportedFile, warn: (message: string) => void): Promise<ImportedFile> {
  if (file.size !== undefined || !file.uri.startsWith("file:")) return file;
  try {
    return { ...file, size: (await stat(new URL(file.uri))).size };
  } catch {
    warn(`File '${file.filename}' is not where the item says: '${file.uri}'`);
    return file;
  }
}

/** Local files below the imported folder may be fetched from there; where there are none, the folder is nobody's business. */
function noteFolder({ address, tally }: Import, file: ImportedFile, warn: (message: string) => void): void {
  if (!file.uri.startsWith("file:")) return;
  const root = address.startsWith("file:") ? new URL(".", address) : undefined;
  if (root && file.uri.startsWith(root.href)) tally.root(dirname(fileURLToPath(address)));
  else {
    warn(
      `File '${file.filename}' lies outside the imported folder: it can be ordered only when its folder is allowed too`,
    );
  }
}

function byDataset(batch: readonly Found[]): Map<string, ImportedProduct[]> {
  const groups = new Map<string, ImportedProduct[]>();
  for (const { dataset, product } of batch) groups.set(dataset, [...(groups.get(dataset) ?? []), product]);
  return groups;
}

async function writeNew(run: Import, dataset: ImportedDataset): Promise<WrittenDataset> {
  const { db, options, tally } = run;
  tally.dataset(dataset.id);
  const warn = (message: string) => tally.warn(message);
  const files = dataset.files && (await Promise.all(dataset.files.map((file) => withSize(file, warn))));
  for (const file of files ?? []) noteFolder(run, file, warn);
  return writeDataset(db, files ? { ...dataset, files } : dataset, {
    tenant: options.tenant ?? "default",
    visibility: options,
  });
}

async function writeBatch(
  { db, address, options, tally }: Import,
  batch: { products: readonly ImportedProduct[]; dataset: ImportedDataset; row: WrittenDataset },
): Promise<void> {
  const now = options.now?.() ?? new Date();
  const { products, dataset, row } = batch;
  const context = { tenant: options.tenant ?? "default", dataset, written: row, source: address, now };
  tally.batch(products, await writeProducts(db, products, context));
  options.onProgress?.(tally.sofar);
}
