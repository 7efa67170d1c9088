/**
 * Where each file of an order lies in its archives. Names and parts follow from the files before it in the order, whether they have arrived or
 * not: so they are the same in every archive of the order, and unpacking several of them in one folder overwrites nothing.
 */

import { safeName, uniqueNames } from "#store/file-names.ts";
import type { FileRow } from "#store/files.ts";
import { HttpProblem } from "../http/problem.ts";

export const LAYOUTS = ["flat", "product", "dataset"] as const;
export type Layout = (typeof LAYOUTS)[number];

export type Part = {
  /** From 1. */
  readonly number: number;
  /** Bytes that an archive may have, unless one file alone has more. */
  readonly bytes: number;
};

/** What kind of archive of an order. */
export type Variant = { readonly layout: Layout; readonly part?: Part };

export const NOTICE_TEXT = "NOTICE.txt";
export const NOTICE_JSON = "notice.json";

/** The variant by one word. */
export function variantKey({ layout, part }: Variant): string {
  return part ? `${layout} ${part.number} of ${part.bytes} bytes` : layout;
}

/** Reads `layout`, `part` and `partSize`; throws 422. */
export function variantOf(query: URLSearchParams): Variant {
  const text = query.get("layout") ?? "flat";
  const layout = LAYOUTS.find((name) => name === text);
  if (!layout) throw new HttpProblem(422, [`layout: expected ${LAYOUTS.join(", ")}, got '${text.slice(0, 64)}'`]);
  const number = positive(query, "part");
  const bytes = positive(query, "partSize");
  if (number === undefined && bytes === undefined) return { layout };
  if (bytes === undefined) throw new HttpProblem(422, ["partSize: expected together with part, the bytes of one part"]);
  if (number === undefined) throw new HttpProblem(422, ["part: expected together with partSize, from 1"]);
  return { layout, part: { number, bytes } };
}

function positive(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new HttpProblem(422, [`${name}: expected a positive whole number, got '${text.slice(0, 64)}'`]);
}

export type Place = {
  /** Name of the entry, with its folders. */
  readonly name: string;
  readonly folder: string;
  /** From 1; always 1 without parts. */
  readonly part: number;
};

/** Tells the place of each file of the order; must be given all of them in their order. */
export function placing({ layout, part }: Variant): (file: FileRow) => Place {
  const folderOf = folders(layout);
  const names = new Map<string, (name: string) => string>();
  const partOf = part ? parting(part.bytes) : () => 1;
  return (file) => {
    const folder = folderOf(file);
    const unique = names.get(folder) ?? (folder === "" ? rootNames() : uniqueNames());
    names.set(folder, unique);
    const name = folder + unique(safeName(file.filename));
    return { name, folder, part: partOf(weight(name, file.cataloguedSize)) };
  };
}

/** The names of an archive's root, where notices may lie. */
function rootNames(): (name: string) => string {
  const unique = uniqueNames();
  unique(NOTICE_TEXT);
  unique(NOTICE_JSON);
  return unique;
}

/** The folder of a file, ending in a slash, or nothing. */
function folders(layout: Layout): (file: FileRow) => string {
  if (layout === "flat") return () => "";
  const top = folderNames();
  if (layout === "product") return (file) => top(file.productUrn, file.providerId);
  const inside = new Map<string, FolderNames>();
  return (file) => {
    const dataset = top(file.datasetUrn, file.datasetLabel);
    const products = inside.get(dataset) ?? folderNames();
    inside.set(dataset, products);
    return dataset + products(file.productUrn, file.providerId);
  };
}

type FolderNames = (id: string, wish: string) => string;

/** A folder for each id, named as near to the wish as it can be. */
function folderNames(): FolderNames {
  const unique = rootNames();
  const known = new Map<string, string>();
  return (id, wish) => {
    const folder = known.get(id) ?? `${unique(safeName(wish.replaceAll(/[\\/]/g, "_")))}/`;
    known.set(id, folder);
    return folder;
  };
}

/** Bytes of the end records and of both notices' headers, and of an entry's headers with their ZIP64 fields and descriptor. */
const ARCHIVE_OVERHEAD = 512;
const ENTRY_OVERHEAD = 30 + 20 + 46 + 28 + 24;
/** A file whose size the catalogue does not tell counts as this part of a part. */
const UNKNOWN_SHARE = 10;

function weight(name: string, size: number | undefined): { name: number; size: number | undefined } {
  return { name: 2 * Buffer.byteLength(name), size };
}

/** Fills one part after another. */
function parting(bytes: number): (file: { name: number; size: number | undefined }) => number {
  let part = 1;
  let filled = ARCHIVE_OVERHEAD;
  let empty = true;
  return ({ name, size }) => {
    const own = size === undefined ? Math.ceil(bytes / UNKNOWN_SHARE) : size + Math.ceil(size / 0xffff) * 5;
    const whole = own + name + ENTRY_OVERHEAD;
    if (!empty && filled + whole > bytes) {
      part++;
      filled = ARCHIVE_OVERHEAD;
    }
    empty = false;
    filled += whole;
    return part;
  };
}
