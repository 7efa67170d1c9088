/**
 * How long searches and summaries take on a catalogue of PRODUCTS (100,000) products with FILES (5) files each, made as NDJSON and imported.
 * Run: TEST_DATABASE_URL=… bun bench/catalog.ts. It makes a database of its own and removes it.
 */
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Access, type Page, type PageOptions, postgresCatalogue } from "#catalog/catalogue.ts";
import { importStac } from "#catalog/import/stac.ts";
import type { Selection } from "#crds/order.ts";
import { connect, tenantSchema } from "#store/db.ts";
import { migrate } from "#store/migrate.ts";
import { testDatabase } from "#test/support/database.ts";

const PRODUCTS = Number(process.env["PRODUCTS"] ?? 100_000);
const FILES = Number(process.env["FILES"] ?? 5);
const PAGE = 1000;
const access: Access = { email: "bench@example.org", role: "REGISTERED_USER", groups: ["g1"] };
const before = new Date("2100-01-01T00:00:00Z");

const questions: Record<string, readonly Selection[]> = {
  everything: [{ query: "*:*" }],
  "one id": [{ query: `providerId:"scene-${PRODUCTS - 7}"` }],
  "500 ids": [{ includeIds: Array.from({ length: 500 }, (_, index) => `scene-${index * 17}`) }],
  "one exact attribute, 1 in 1000": [{ query: 'tile:"T7"' }],
  "platform and cloud cover": [{ query: 'platform:"landsat-8" AND eo:cloud_cover:[0 TO 60]' }],
  "one month": [{ query: "datetime:2016-03" }],
  "a part of an attribute": [{ query: "tile:T99" }],
  "a value anywhere": [{ query: "scene-4242" }],
  "a regular expression": [{ query: "providerId:/scene-.*77/" }],
  "an area, 1 in 1000": [{ geometry: "POLYGON((10 10, 20 10, 20 16, 10 16, 10 10))" }],
  "three selections that overlap": [
    { query: "eo:cloud_cover<10", fileTypes: ["RAWDATA"] },
    { query: 'platform:"landsat-9"', fileTypes: ["QUICKLOOK_SD"] },
    { dataset: "Collection 3" },
  ],
  "names by pattern": [{ query: "datetime:2016-03", fileNamePattern: ".*_B1\\.tif" }],
};

function* lines(): Generator<string> {
  const start = Date.UTC(2013, 0, 1);
  for (let i = 0; i < PRODUCTS; i++) {
    const [x, y] = [((i * 7919) % 3560) / 10 - 178, ((i * 104_729) % 1780) / 10 - 89];
    const ring = [
      [x, y],
      [x + 1, y],
      [x + 1, y + 0.8],
      [x, y + 0.8],
      [x, y],
    ];
    const files = Array.from({ length: FILES }, (_, n) => [
      `f${n}`,
      n === FILES - 1
        ? {
            href: `https://data.example.org/${i}/scene-${i}.jpg`,
            type: "image/jpeg",
            roles: ["thumbnail"],
            "file:size": 5000,
          }
        : {
            href: `https://data.example.org/${i}/scene-${i}_B${n}.tif`,
            type: "image/tiff",
            roles: ["data"],
            "file:size": 500_000 + n,
          },
    ]);
    yield `${JSON.stringify({
      type: "Feature",
      id: `scene-${i}`,
      collection: `Collection ${i % 10}`,
      geometry: { type: "Polygon", coordinates: [ring] },
      properties: {
        datetime: new Date(start + ((i * 2_654_435_761) % 100_000) * 3_600_000).toISOString(),
        platform: `landsat-${7 + (i % 3)}`,
        "eo:cloud_cover": (i * 31) % 100,
        tile: `T${(i * 13) % 1000}`,
        instruments: ["oli", "tirs"],
        "view:sun_elevation": ((i * 17) % 900) / 10,
      },
      assets: Object.fromEntries(files),
    })}\n`;
  }
}

async function writeLines(path: string): Promise<void> {
  const writer = Bun.file(path).writer();
  for (const line of lines()) {
    writer.write(line);
    if (writer.flush() instanceof Promise) await writer.flush();
  }
  await writer.end();
}

type Timed<T> = { readonly ms: number; readonly result: T };

async function timed<T>(work: () => Promise<T>): Promise<Timed<T>> {
  const start = performance.now();
  const result = await work();
  return { ms: performance.now() - start, result };
}

const database = await testDatabase("bench_catalog");
const path = join(tmpdir(), `bench-${crypto.randomUUID()}.ndjson`);
try {
  const schema = tenantSchema("default");
  await migrate(database.url, { schema });
  const db = connect(database.url, { schema, max: 4 });
  await writeLines(path);
  const imported = await timed(() => importStac(db, path));
  const again = await timed(() => importStac(db, path));
  console.log(
    `import  ${PRODUCTS} products, ${imported.result.files} files: ${seconds(imported.ms)}; again, unchanged: ${seconds(again.ms)}; ${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB resident`,
  );
  const catalogue = postgresCatalogue(db);
  console.log(
    `${"question".padEnd(34)}${["products", "files", "summary", "pages", "all pages", "slowest"].map((word) => word.padStart(11)).join("")}`,
  );
  for (const [name, selections] of Object.entries(questions)) {
    const summary = await timed(() => catalogue.summarize(selections, { access, before }));
    let [pages, total, slowest, found] = [0, 0, 0, 0];
    for (let after: number | undefined = 0; after !== undefined; pages++) {
      const options: PageOptions = { access, before, after, limit: PAGE };
      const page: Timed<Page> = await timed(() => catalogue.search(selections, options));
      total += page.ms;
      slowest = Math.max(slowest, page.ms);
      found += page.result.products.length;
      after = page.result.next;
    }
    if (found !== summary.result.products)
      throw new Error(`Summary and search differ for '${name}': ${summary.result.products}, ${found}`);
    const cells = [found, summary.result.files, millis(summary.ms), pages, millis(total), millis(slowest)];
    console.log(`${name.padEnd(34)}${cells.map((cell) => String(cell).padStart(11)).join("")}`);
  }
  await db.end();
} finally {
  await rm(path, { force: true });
  await database.drop();
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

function millis(ms: number): string {
  return `${ms.toFixed(0)} ms`;
}
