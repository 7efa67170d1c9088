/**
 * The demo's archive: three data sets with a dozen products each, described in STAC, all made from seeds. A file exists as soon
 * as it is described, because the description carries its size and checksum.
 */
import { createHash } from "node:crypto";
import { drawField, gridOf, makeField, randomFrom } from "./field.ts";
import type { Colour } from "./png.ts";

export type ArchiveFile = {
  readonly path: string;
  readonly type: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
};
export type Archive = {
  /** Everything that can be fetched, by its path on the web server. */
  readonly files: ReadonlyMap<string, ArchiveFile>;
  /** Paths of the collections to import. */
  readonly collections: readonly string[];
  /** Files of products, without the descriptions. */
  readonly products: number;
};

type Dataset = {
  readonly id: string;
  readonly title: string;
  readonly platform: string;
  readonly grid: number;
  readonly palette: readonly Colour[];
};

const DATASETS: readonly Dataset[] = [
  {
    id: "sea-temperature",
    title: "Sea surface temperature",
    platform: "skua-1",
    grid: 200,
    palette: [
      [12, 22, 79],
      [24, 96, 168],
      [94, 190, 196],
      [250, 223, 139],
      [214, 69, 38],
    ],
  },
  {
    id: "snow-cover",
    title: "Snow cover",
    platform: "skua-2",
    grid: 160,
    palette: [
      [46, 60, 40],
      [120, 134, 98],
      [210, 222, 232],
      [255, 255, 255],
    ],
  },
  {
    id: "night-lights",
    title: "Night lights",
    platform: "skua-1",
    grid: 180,
    palette: [
      [4, 5, 16],
      [20, 18, 60],
      [140, 92, 40],
      [255, 236, 168],
    ],
  },
];
const PRODUCTS_EACH = 12;
const QUICKLOOK = 192;
const THUMBNAIL = 64;
const REGIONS = ["baltic", "biscay", "ionian", "skagerrak"] as const;

/** Makes the whole archive. */
export function makeArchive(): Archive {
  const files = new Map<string, ArchiveFile>();
  const add = (path: string, type: string, bytes: Uint8Array): ArchiveFile => {
    const file = { path, type, bytes, sha256: createHash("sha256").update(bytes).digest("hex") };
    files.set(path, file);
    return file;
  };
  const collections = DATASETS.map((dataset, index) => {
    const items = Array.from({ length: PRODUCTS_EACH }, (_, i) => addProduct(dataset, index * 100 + i, add));
    const path = `/${dataset.id}/collection.json`;
    add(path, "application/json", json(collection(dataset, items)));
    return path;
  });
  return { files, collections, products: DATASETS.length * PRODUCTS_EACH };
}

type Add = (path: string, type: string, bytes: Uint8Array) => ArchiveFile;

function addProduct(dataset: Dataset, seed: number, add: Add): string {
  const random = randomFrom(seed * 7919 + 1);
  const day = new Date(Date.UTC(2026, 0, 1 + (seed % 100) * 9 + Math.floor(random() * 5), 10, seed % 60));
  const region = REGIONS[seed % REGIONS.length] ?? REGIONS[0];
  const name = `${dataset.platform.toUpperCase()}_${day.toISOString().slice(0, 10).replaceAll("-", "")}_${region}_${dataset.id}`;
  const folder = `/${dataset.id}/${name}`;
  const properties = {
    datetime: day.toISOString(),
    platform: dataset.platform,
    region,
    "eo:cloud_cover": Math.round(random() * 1000) / 10,
  };
  const field = makeField(seed + 1);
  const assets = {
    data: asset(add(`${folder}/${name}.f32`, "application/octet-stream", gridOf(field, dataset.grid)), "data"),
    metadata: asset(add(`${folder}/${name}_META.json`, "application/json", json({ name, ...properties })), "metadata"),
    overview: asset(
      add(`${folder}/${name}.png`, "image/png", drawField(field, { size: QUICKLOOK, palette: dataset.palette })),
      "overview",
    ),
    thumbnail: asset(
      add(`${folder}/${name}_small.png`, "image/png", drawField(field, { size: THUMBNAIL, palette: dataset.palette })),
      "thumbnail",
    ),
  };
  const path = `${folder}/${name}.json`;
  const [west, south] = [-10 + random() * 30, 40 + random() * 15];
  add(path, "application/geo+json", json(item({ name, dataset, properties, assets, west, south })));
  return path;
}

function asset(file: ArchiveFile, role: string) {
  return {
    href: `./${file.path.split("/").at(-1)}`,
    type: file.type,
    roles: [role],
    "file:size": file.bytes.byteLength,
    "file:checksum": `1220${file.sha256}`,
  };
}

function item(o: { name: string; dataset: Dataset; properties: object; assets: object; west: number; south: number }) {
  const [east, north] = [o.west + 2, o.south + 2];
  const ring = [
    [o.west, o.south],
    [east, o.south],
    [east, north],
    [o.west, north],
    [o.west, o.south],
  ];
  return {
    type: "Feature",
    stac_version: "1.0.0",
    id: o.name,
    collection: o.dataset.id,
    geometry: { type: "Polygon", coordinates: [ring] },
    bbox: [o.west, o.south, east, north],
    properties: o.properties,
    assets: o.assets,
    links: [{ rel: "collection", href: "../collection.json", type: "application/json" }],
  };
}

function collection(dataset: Dataset, items: readonly string[]) {
  return {
    type: "Collection",
    stac_version: "1.0.0",
    id: dataset.id,
    title: dataset.title,
    description: `${dataset.title}, made up for the demo.`,
    license: "CC0-1.0",
    extent: { spatial: { bbox: [[-10, 40, 22, 57]] }, temporal: { interval: [["2026-01-01T00:00:00Z", null]] } },
    links: items.map((path) => ({
      rel: "item",
      href: `.${path.slice(path.indexOf("/", 1))}`,
      type: "application/geo+json",
    })),
  };
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}
