/** A STAC item → a product. What is odd in an item is a warning; only an item without an id is left out. */
import { shapesOfGeoJson } from "../geometry/geojson.ts";
import { type Part, partsOf } from "../geometry/parts.ts";
import { GeometryError } from "../geometry/shape.ts";
import { cleanText, readAttributes } from "./attributes.ts";
import type { ImportedFile, ImportedProduct } from "./record.ts";
import { type AssetContext, readAsset } from "./stac-asset.ts";

/** A JSON object out of a STAC document, and where it came from. */
export type StacObject = Readonly<Record<string, unknown>>;
export type FoundItem = { readonly item: StacObject; readonly base: string; readonly dataset: string };

export type ItemOptions = { readonly reference: boolean; readonly warn: (message: string) => void };

export function readItem({ item, base }: FoundItem, options: ItemOptions): ImportedProduct | undefined {
  const providerId = textOf(item["id"]);
  if (providerId === undefined) {
    options.warn(`An item of '${base}' was left out: it has no id`);
    return undefined;
  }
  const warn = (message: string) => options.warn(`Item '${providerId}': ${message}`);
  const properties = isObject(item["properties"]) ? item["properties"] : {};
  return {
    ...readAttributes(properties, options.warn),
    providerId,
    version: versionOf(properties["version"]),
    label: textOf(properties["title"]) ?? providerId,
    model: "stac",
    tags: Array.isArray(properties["keywords"]) ? properties["keywords"].flatMap((word) => textOf(word) ?? []) : [],
    parts: footprintOf(item["geometry"], warn),
    files: filesOf(item["assets"], { base, allowFiles: base.startsWith("file:"), reference: options.reference, warn }),
  };
}

export function isObject(value: unknown): value is StacObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? cleanText(value) : undefined;
}

/** Versions of the STAC version extension are free texts; whole numbers among them order, the others are all 1. */
function versionOf(value: unknown): number {
  const version = Number(value);
  return Number.isInteger(version) && version >= 1 && version < 2 ** 31 ? version : 1;
}

function footprintOf(geometry: unknown, warn: (message: string) => void): readonly Part[] {
  if (geometry === null || geometry === undefined) return [];
  try {
    return partsOf(shapesOfGeoJson(geometry));
  } catch (error) {
    if (!(error instanceof GeometryError)) throw error;
    warn(error.message);
    return [];
  }
}

/** The files of an item's or a collection's assets. */
export function filesOf(assets: unknown, context: AssetContext): readonly ImportedFile[] {
  if (!isObject(assets)) return [];
  return Object.entries(assets).flatMap(([key, asset]) =>
    isObject(asset) ? (readAsset(key, asset, context) ?? []) : [],
  );
}
