import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { connect, type Db, tenantSchema } from "#store/db.ts";
import { migrate } from "#store/migrate.ts";
import { type TestDatabase, testDatabase } from "#test/support/database.ts";
import { importStac } from "./stac.ts";

let database: TestDatabase;
let db: Db;
let root: string;

beforeAll(async () => {
  database = await testDatabase("stac");
  await migrate(database.url, { schema: tenantSchema("default") });
  db = connect(database.url, { schema: tenantSchema("default"), max: 2 });
});
afterAll(async () => {
  await db?.end();
  await database?.drop();
});
beforeEach(async () => {
  await db`TRUNCATE products, datasets, attributes CASCADE`;
  root = await mkdtemp(join(tmpdir(), "stac-"));
});
afterEach(() => rm(root, { recursive: true }));

const asset = (href: string, more: object = {}) => ({ href, roles: ["data"], ...more });
const item = (id: string, more: object = {}) => ({
  type: "Feature",
  stac_version: "1.0.0",
  id,
  geometry: null,
  properties: { datetime: "2026-01-01T00:00:00Z" },
  assets: { data: asset(`./${id}.tif`) },
  links: [],
  ...more,
});
const link = (rel: string, href: string) => ({ rel, href });

async function put(path: string, content: unknown): Promise<string> {
  const full = join(root, path);
  await mkdir(dirname(full), { recursive: true });
  await writeFile(full, typeof content === "string" ? content : JSON.stringify(content));
  return full;
}

const files = () =>
  db`SELECT p.provider_id, f.type, f.filename, f.uri, f.size FROM products p JOIN product_files f ON f.product_id = p.id ORDER BY 1, f.position`;
const products = async () => (await db`SELECT provider_id FROM products ORDER BY 1`).map((row) => row["providerId"]);
const labels = async () => (await db`SELECT label FROM datasets ORDER BY 1`).map((row) => row["label"]);

describe("importStac() from files", () => {
  test("walks a catalogue through children and items, relative to each document", async () => {
    await put("sea/items/a/a.json", item("a", { collection: "sea" }));
    await put("sea/items/a/a.tif", "12345");
    await put("sea/collection.json", {
      type: "Collection",
      id: "sea",
      title: "The sea",
      description: "Wet",
      links: [link("item", "items/a/a.json"), link("root", "../catalog.json"), link("child", "../catalog.json")],
    });
    await put("loose.json", item("b"));
    const top = await put("catalog.json", {
      type: "Catalog",
      id: "top",
      links: [link("child", "./sea/collection.json"), link("item", "./loose.json")],
    });
    const report = await importStac(db, top);
    expect(report).toMatchObject({ datasets: 2, products: 2, files: 2, created: 2, roots: [root] });
    expect(report.warnings).toEqual([
      `File 'b.tif' is not where the item says: '${pathToFileURL(join(root, "b.tif")).href}'`,
    ]);
    expect(await labels()).toEqual(["The sea", "top"]);
    expect(await files()).toMatchObject([
      { providerId: "a", filename: "a.tif", uri: pathToFileURL(join(root, "sea/items/a/a.tif")).href, size: 5 },
      { providerId: "b", filename: "b.tif", size: null },
    ]);
  });

  test("takes a collection's own data and documents, not its pictures, and again as they are then", async () => {
    await put("c/guide.pdf", "12345");
    const collection = (assets: object) => ({
      type: "Collection",
      id: "c",
      assets,
      links: [link("item", "../items/a.json")],
    });
    await put("items/a.json", item("a", { collection: "c", links: [link("collection", "../c/collection.json")] }));
    const own = () => db`SELECT type, filename, uri, size FROM dataset_files ORDER BY position`;
    const guide = { href: "./guide.pdf", roles: ["metadata"], type: "application/pdf" };
    const picture = { href: "./c.png", roles: ["thumbnail"] };
    const path = await put("c/collection.json", collection({ guide, picture }));
    const want = {
      type: "RAWDATA",
      filename: "guide.pdf",
      uri: pathToFileURL(join(root, "c/guide.pdf")).href,
      size: 5,
    };
    await importStac(db, path);
    expect([...(await own())]).toEqual([want]);
    await put("nothing-known.json", item("b", { collection: "c" }));
    await importStac(db, join(root, "nothing-known.json"));
    expect([...(await own())]).toEqual([want]);
    await put(
      "c/collection.json",
      collection({ table: { href: "https://archive.example.org/t.csv", roles: ["data"] } }),
    );
    await importStac(db, join(root, "items/a.json"));
    expect([...(await own())]).toMatchObject([{ filename: "t.csv", size: null }]);
  });

  test("reads the collection that a lone item points to", async () => {
    await put("collection.json", { type: "Collection", id: "c", title: "Title", links: [] });
    await importStac(
      db,
      await put("items/a.json", item("a", { collection: "c", links: [link("collection", "../collection.json")] })),
    );
    expect(await labels()).toEqual(["Title"]);
  });

  test("updates what changed and leaves the rest untouched", async () => {
    const path = await put("items.json", { type: "FeatureCollection", features: [item("a"), item("b")] });
    await importStac(db, path);
    const rows = await db`SELECT xmin::text, id, created_at FROM products WHERE provider_id = 'a'`;
    await put("items.json", {
      type: "FeatureCollection",
      features: [item("a"), item("b", { assets: { x: asset("x.nc"), y: asset("y.nc") } })],
    });
    expect(await importStac(db, path)).toMatchObject({ created: 0, updated: 1, unchanged: 1 });
    expect(await db`SELECT xmin::text, id, created_at FROM products WHERE provider_id = 'a'`).toEqual(rows);
    expect((await files()).map((row) => row["filename"])).toEqual(["a.tif", "x.nc", "y.nc"]);
    expect(await importStac(db, path)).toMatchObject({ created: 0, updated: 0, unchanged: 2 });
  });

  test("tells kinds from roles, media types and keys", async () => {
    const assets = {
      data: asset("a.tif"),
      meta: asset("a.xml", { roles: ["metadata"] }),
      view: asset("a.png", { roles: ["overview"] }),
      small: asset("a_s.png", { roles: ["thumbnail", "overview"] }),
      visual: asset("v.tif", { roles: ["visual"] }),
      plain: { href: "b.tif" },
      picture: { href: "photo.jpg", type: "image/jpeg" },
      thumbnail: { href: "t.png", type: "image/png" },
      rendered_preview: { href: "p.png", type: "image/png" },
    };
    await importStac(db, await put("a.json", item("a", { assets })));
    expect(Object.fromEntries((await files()).map((row) => [row["filename"], row["type"]]))).toEqual({
      "a.tif": "RAWDATA",
      "a.xml": "RAWDATA",
      "a.png": "QUICKLOOK_HD",
      "a_s.png": "QUICKLOOK_SD",
      "v.tif": "RAWDATA",
      "b.tif": "RAWDATA",
      "photo.jpg": "RAWDATA",
      "t.png": "QUICKLOOK_SD",
      "p.png": "QUICKLOOK_HD",
    });
  });

  test("keeps addresses of other schemes and makes safe file names", async () => {
    const assets = {
      s: asset("s3://Bucket/a key/x.nc"),
      h: asset("https://example.org/d/y.nc?token=1"),
      e: asset("https://example.org/"),
      t: asset("https://example.org/a%2F..%2Fb.nc"),
    };
    await importStac(db, await put("a.json", item("a", { assets })));
    expect((await files()).map((row) => [row["uri"], row["filename"]])).toEqual([
      ["s3://Bucket/a key/x.nc", "x.nc"],
      ["https://example.org/d/y.nc?token=1", "y.nc"],
      ["https://example.org/", "e"],
      ["https://example.org/a%2F..%2Fb.nc", "a_.._b.nc"],
    ]);
  });

  test("goes on when an item is broken, and says so", async () => {
    await put("good.json", item("good"));
    await put("bad.json", "{");
    const top = await put("c.json", {
      type: "Collection",
      id: "c",
      links: ["bad.json", "missing.json", "good.json"].map((href) => link("item", href)),
    });
    const report = await importStac(db, top);
    expect(await products()).toEqual(["good"]);
    expect(report.warnings.filter((warning) => warning.includes("left out"))).toHaveLength(2);
  });

  test("keeps the highest version as the last, whatever the order", async () => {
    for (const version of ["2", "3", "1"])
      await importStac(db, await put("a.json", item("a", { properties: { version } })));
    expect(await db`SELECT version, last FROM products ORDER BY 1`).toEqual([
      { version: 1, last: false },
      { version: 2, last: false },
      { version: 3, last: true },
    ] as never);
  });

  test("warns of files that are outside the imported folder", async () => {
    await put("outside.tif", "x");
    const report = await importStac(
      db,
      await put("deep/a.json", item("a", { assets: { x: asset("../outside.tif") } })),
    );
    expect(report.warnings).toEqual([
      "File 'outside.tif' lies outside the imported folder: it can be ordered only when its folder is allowed too",
    ]);
    expect(report.roots).toEqual([]);
  });

  test("lets no folder be read for the sake of files that lie elsewhere", async () => {
    const assets = { x: asset("https://archive.example.org/x.tif") };
    const report = await importStac(db, await put("remote.json", item("a", { assets })));
    expect(report).toMatchObject({ files: 1, roots: [] });
  });

  test("says which file is not there", async () => {
    const address = pathToFileURL(join(root, "nowhere.json")).href;
    await expect(importStac(db, join(root, "nowhere.json"))).rejects.toThrow(
      `Cannot read '${address}': there is no such file`,
    );
    await expect(importStac(db, root)).rejects.toThrow(`Cannot read '${pathToFileURL(root).href}': it is a folder`);
  });

  test("refuses what is no STAC, with a word about it", async () => {
    await expect(importStac(db, await put("x.json", { type: "Topology" }))).rejects.toThrow(
      "expected a STAC item, collection, catalogue or item collection",
    );
    await expect(importStac(db, await put("y.json", "[]"))).rejects.toThrow("expected a JSON object");
  });

  test("streams lines of items in batches and tells how far it is", async () => {
    const lines = Array.from({ length: 1201 }, (_, index) =>
      JSON.stringify(item(`i${index}`, { collection: `c${index % 2}` })),
    );
    const seen: number[] = [];
    const report = await importStac(db, await put("items.ndjson", `${lines.join("\n")}\n\n`), {
      reference: true,
      onProgress: ({ products: n }) => seen.push(n),
    });
    expect(report).toMatchObject({ datasets: 2, products: 1201, created: 1201 });
    expect(seen).toEqual([250, 500, 750, 1000, 1101, 1201]);
    expect(await db`SELECT DISTINCT reference FROM product_files`).toMatchObject([{ reference: true }]);
  });
});

describe("importStac() over HTTP", () => {
  test("follows pages and never the way into the file system", async () => {
    const secret = await put("secret.json", item("secret"));
    const server = Bun.serve({
      port: 0,
      fetch(request) {
        const { pathname, searchParams } = new URL(request.url);
        if (pathname === "/items" && !searchParams.has("page")) {
          const assets = { ok: asset("a.tif"), evil: asset(pathToFileURL(secret).href) };
          return Response.json({
            type: "FeatureCollection",
            features: [item("a", { assets })],
            links: [link("next", "/items?page=2")],
          });
        }
        if (pathname === "/items")
          return Response.json({
            type: "FeatureCollection",
            features: [item("b")],
            links: [link("next", "/items?page=2")],
          });
        if (pathname === "/catalog.json")
          return Response.json({
            type: "Catalog",
            id: "evil",
            links: [link("item", pathToFileURL(secret).href), link("child", "/items")],
          });
        return new Response(null, { status: 404 });
      },
    });
    try {
      const report = await importStac(db, `${server.url}catalog.json`);
      expect(await products()).toEqual(["a", "b"]);
      expect((await files()).map((row) => row["uri"])).toEqual([`${server.url}a.tif`, `${server.url}b.tif`]);
      expect(report.warnings).toEqual(["Item 'a': Asset 'evil' was left out: its address cannot be used"]);
      expect(report.roots).toEqual([]);
      await expect(importStac(db, `${server.url}nothing`)).rejects.toThrow("the server answered 404");
    } finally {
      await server.stop(true);
    }
  });
});
