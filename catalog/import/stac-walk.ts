/**
 * Walks a STAC tree and yields its items as they are met: an item, a feature collection (with its next pages), a collection or a
 * catalogue with their item and child links, or lines of items. Documents are visited once, whatever their links say.
 */
import type { ImportedDataset } from "./record.ts";
import { type FoundItem, isObject, type StacObject, textOf } from "./stac-item.ts";
import { follow, isLines, readDocument, readLines, type SourceOptions } from "./stac-source.ts";

export type WalkOptions = SourceOptions & {
  readonly warn: (message: string) => void;
  /** Met before the first of its items; with the document and its address, where there is one. */
  readonly onDataset: (dataset: ImportedDataset, collection?: Collection) => void;
};

export type Collection = { readonly document: StacObject; readonly base: string };
type Announced = { readonly dataset: ImportedDataset; readonly collection?: Collection };

type Walk = WalkOptions & { readonly visited: Set<string>; readonly known: Set<string> };
type Place = { readonly address: string; readonly depth: number; readonly parent?: string };

const MAX_DEPTH = 32;
const PARALLEL = 8;

export async function* walkStac(address: string, options: WalkOptions): AsyncGenerator<FoundItem> {
  const walk: Walk = { ...options, visited: new Set(), known: new Set() };
  if (!isLines(address)) {
    yield* visit({ address, depth: 0 }, walk);
    return;
  }
  for await (const item of readLines(address, options)) yield await foundItem(item, { address, depth: 0 }, walk);
}

async function* visit(place: Place, walk: Walk): AsyncGenerator<FoundItem> {
  if (walk.visited.has(place.address)) return;
  walk.visited.add(place.address);
  if (place.depth > MAX_DEPTH)
    return walk.warn(`'${place.address}' was left out: it is nested deeper than ${MAX_DEPTH} links`);
  const document = await readDocument(place.address, walk);
  switch (document["type"]) {
    case "Feature":
      yield await foundItem(document, place, walk);
      return;
    case "FeatureCollection":
      yield* visitFeatures(document, place, walk);
      return;
    case "Collection":
    case "Catalog":
      yield* visitContainer(document, place, walk);
      return;
    default:
      throw new Error(
        `Cannot import '${place.address}': expected a STAC item, collection, catalogue or item collection`,
      );
  }
}

async function* visitFeatures(document: StacObject, place: Place, walk: Walk): AsyncGenerator<FoundItem> {
  const features = Array.isArray(document["features"]) ? document["features"] : [];
  for (const item of features) if (isObject(item)) yield await foundItem(item, place, walk);
  const next = linksOf(document, "next").find((link) => (textOf(link["method"]) ?? "GET") === "GET");
  const address = next && follow(next["href"], place.address);
  // A page is no level of nesting, however many there are.
  if (address !== undefined) yield* visit({ ...place, address }, walk);
}

async function* visitContainer(document: StacObject, place: Place, walk: Walk): AsyncGenerator<FoundItem> {
  const id = textOf(document["id"]) ?? place.address;
  const isCollection = document["type"] === "Collection";
  if (isCollection) announce({ dataset: datasetOf(document, id), collection: { document, base: place.address } }, walk);
  const below = isCollection || place.parent === undefined ? id : place.parent;
  const items = linksOf(document, "item").flatMap((link) => follow(link["href"], place.address) ?? []);
  for (let start = 0; start < items.length; start += PARALLEL) {
    const documents = await Promise.all(
      items.slice(start, start + PARALLEL).map((address) => readLinked(address, walk)),
    );
    for (const { address, item } of documents) {
      if (item) yield await foundItem(item, { address, depth: place.depth + 1, parent: below }, walk);
    }
  }
  for (const link of linksOf(document, "child")) {
    const address = follow(link["href"], place.address);
    if (address !== undefined) yield* visit({ address, depth: place.depth + 1, parent: below }, walk);
  }
}

/** One item that cannot be read must not stop the others. */
async function readLinked(address: string, walk: Walk): Promise<{ address: string; item?: StacObject }> {
  if (walk.visited.has(address)) return { address };
  walk.visited.add(address);
  try {
    return { address, item: await readDocument(address, walk) };
  } catch (error) {
    if (walk.signal?.aborted) throw error;
    walk.warn(`'${address}' was left out: ${error instanceof Error ? error.message : String(error)}`);
    return { address };
  }
}

async function foundItem(item: StacObject, place: Place, walk: Walk): Promise<FoundItem> {
  const base = baseOf(item, place);
  const dataset = textOf(item["collection"]) ?? place.parent ?? nameOf(place.address);
  if (!walk.known.has(dataset)) announce(await linkedCollection(item, { dataset, base }, walk), walk);
  return { item, base, dataset };
}

/** An item of a list has an address of its own only in its `self` link. */
function baseOf(item: StacObject, place: Place): string {
  const self = linksOf(item, "self")[0]?.["href"];
  return typeof self === "string" && /^https?:/i.test(self) && /^https?:/i.test(place.address) ? self : place.address;
}

/** The collection that an item met alone points to; without it the name is all that is known. */
async function linkedCollection(
  item: StacObject,
  place: { dataset: string; base: string },
  walk: Walk,
): Promise<Announced> {
  const unread = { dataset: { id: place.dataset, label: place.dataset } };
  const address = follow(linksOf(item, "collection")[0]?.["href"], place.base);
  if (address === undefined) return unread;
  try {
    const document = await readDocument(address, walk);
    if (document["id"] === place.dataset) {
      return { dataset: datasetOf(document, place.dataset), collection: { document, base: address } };
    }
  } catch (error) {
    if (walk.signal?.aborted) throw error;
    walk.warn(
      `Collection '${place.dataset}' could not be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  return unread;
}

function announce({ dataset, collection }: Announced, walk: Walk): void {
  if (walk.known.has(dataset.id)) return;
  walk.known.add(dataset.id);
  walk.onDataset(dataset, collection);
}

function datasetOf(document: StacObject, id: string): ImportedDataset {
  const description = textOf(document["description"]);
  return {
    id,
    label: textOf(document["title"]) ?? id,
    model: "stac",
    ...(description === undefined ? {} : { description }),
  };
}

function linksOf(document: StacObject, rel: string): readonly StacObject[] {
  const links = Array.isArray(document["links"]) ? document["links"].filter(isObject) : [];
  return links.filter((link) => link["rel"] === rel);
}

function nameOf(address: string): string {
  const last = new URL(address).pathname.split("/").findLast((part) => part !== "") ?? "items";
  return decodeURIComponent(last).replace(/\.[^.]*$/, "");
}
