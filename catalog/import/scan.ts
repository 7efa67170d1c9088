/**
 * Catalogues a folder as it lies: products out of its folders or files (see folder-products.ts), with sizes, media types, SHA-256 and
 * quicklooks. Scanning again updates: only new and changed files are read, and what vanished leaves the catalogue.
 */
import { realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Db } from "#store/db.ts";
import { mediaTypeOf } from "#store/media-type.ts";
import { cleanText, readAttributes } from "./attributes.ts";
import { batches } from "./batches.ts";
import { sha256Of } from "./checksum.ts";
import { kindsOf } from "./file-names.ts";
import { finishImport } from "./finish.ts";
import { type FolderProduct, folderProducts } from "./folder-products.ts";
import type { FoundFile } from "./folder-walk.ts";
import { type KnownFile, knownFiles, removeVanished } from "./known-files.ts";
import type { ImportedFile, ImportedProduct, ImportOptions } from "./record.ts";
import { type ImportReport, Tally } from "./report.ts";
import { writeDataset, writeProducts } from "./write.ts";

export type ScanOptions = ImportOptions & {
  /** Name of the dataset; it is made when it is not there. */
  readonly dataset: string;
  /** `folder` by default. */
  readonly by?: "folder" | "file";
};

type Scan = {
  readonly root: string;
  readonly known: ReadonlyMap<string, KnownFile>;
  readonly warn: (message: string) => void;
};

const BATCH = 100;

export async function scanFolder(db: Db, folder: string, options: ScanOptions): Promise<ImportReport> {
  const { tenant = "default", signal, onProgress, now = () => new Date() } = options;
  const root = await realFolder(folder);
  const source = pathToFileURL(root).href;
  const tally = new Tally();
  const warn = (message: string) => tally.warn(message);
  const dataset = { id: options.dataset, label: options.dataset, model: "files" };
  const written = await writeDataset(db, dataset, { tenant, visibility: options });
  tally.dataset(dataset.id);
  tally.root(root);
  const seen = new Set<string>();
  const walk = folderProducts(root, { by: options.by ?? "folder", warn, ...(signal ? { signal } : {}) });
  for await (const batch of batches(walk, BATCH)) {
    const providerIds = batch.map(({ name }) => cleanText(name));
    const scan: Scan = { root, warn, known: await knownFiles(db, { dataset: written.id, providerIds }) };
    const products = await readProducts(batch, scan);
    for (const { providerId } of products) seen.add(providerId);
    tally.batch(products, await writeProducts(db, products, { tenant, dataset, written, source, now: now() }));
    onProgress?.(tally.sofar);
  }
  tally.removed(await removeVanished(db, { dataset: written.id, source }, seen));
  const report = tally.report();
  await finishImport(db, report);
  return report;
}

async function realFolder(folder: string): Promise<string> {
  const found = await stat(folder).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) {
    throw new Error(`Cannot scan '${folder}': ${found.code === "ENOENT" ? "there is no such folder" : found.message}`);
  }
  if (!found.isDirectory()) throw new Error(`Cannot scan '${folder}': it is not a folder`);
  return realpath(folder);
}

async function readProducts(batch: readonly FolderProduct[], scan: Scan): Promise<readonly ImportedProduct[]> {
  const products: ImportedProduct[] = [];
  for (const product of batch) {
    const files = await readFiles(product, scan);
    if (files.length > 0) products.push(toProduct(product, files, scan));
  }
  return products;
}

function toProduct(
  { name, files: found }: FolderProduct,
  files: readonly ImportedFile[],
  { warn }: Scan,
): ImportedProduct {
  const providerId = cleanText(name);
  const slash = providerId.lastIndexOf("/");
  const latest = new Date(Math.max(...found.map((file) => file.modified.getTime())));
  const facts = { ...(slash > 0 ? { folder: providerId.slice(0, slash) } : {}), modified: latest.toISOString() };
  return {
    ...readAttributes(facts, warn),
    providerId,
    version: 1,
    label: providerId.slice(slash + 1),
    model: "files",
    tags: [],
    parts: [],
    files,
  };
}

async function readFiles({ files }: FolderProduct, scan: Scan): Promise<readonly ImportedFile[]> {
  const kinds = kindsOf(files.map((file) => file.name));
  const read: ImportedFile[] = [];
  for (const [index, file] of files.entries()) {
    const checksum = await checksumOf(file, scan);
    if (checksum === undefined) continue;
    read.push({
      type: kinds[index] ?? "RAWDATA",
      filename: cleanText(file.name),
      uri: addressOf(file, scan),
      mimeType: mediaTypeOf(file.name),
      size: file.size,
      checksum,
      algorithm: "SHA-256",
      reference: false,
      modified: file.modified.toISOString(),
    });
  }
  return read;
}

/** Undefined for a file that cannot be read: it could not be delivered either. */
async function checksumOf(file: FoundFile, scan: Scan): Promise<string | undefined> {
  const known = scan.known.get(addressOf(file, scan));
  if (known && known.size === file.size && known.modified.getTime() === file.modified.getTime()) return known.checksum;
  try {
    return await sha256Of(join(scan.root, file.path));
  } catch (error) {
    scan.warn(`'${file.path}' was left out: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  }
}

function addressOf(file: FoundFile, { root }: Scan): string {
  return pathToFileURL(join(root, file.path)).href;
}
