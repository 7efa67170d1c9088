import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { connect, type Db, tenantSchema } from "#store/db.ts";
import { migrate } from "#store/migrate.ts";
import { type TestDatabase, testDatabase } from "#test/support/database.ts";
import { postgresCatalogue } from "../catalogue.ts";
import { scanFolder } from "./scan.ts";

let database: TestDatabase;
let db: Db;
let root: string;

beforeAll(async () => {
  database = await testDatabase("scan");
  await migrate(database.url, { schema: tenantSchema("default") });
  db = connect(database.url, { schema: tenantSchema("default"), max: 2 });
});
afterAll(async () => {
  await db?.end();
  await database?.drop();
});
beforeEach(async () => {
  await db`TRUNCATE products, datasets, attributes CASCADE`;
  root = await mkdtemp(join(tmpdir(), "scan-"));
});
afterEach(() => rm(root, { recursive: true }));

async function put(path: string, content = path): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), content);
}

async function catalogued(): Promise<Record<string, string[]>> {
  const { products } = await postgresCatalogue(db).search([{ query: "*" }], {
    access: { email: "a", role: "PUBLIC", groups: [] },
    before: new Date("2100-01-01"),
    limit: 100,
  });
  return Object.fromEntries(
    products.map(({ providerId, files }) => [providerId, files.map(({ type, filename }) => `${type} ${filename}`)]),
  );
}

describe("scanFolder()", () => {
  test("makes a product of each folder with files and each stem in the root", async () => {
    await put("scene-1/b1.tif");
    await put("scene-1/b1.jpg");
    await put("scene-1/extra/notes.txt");
    await put("2024/01/scene-2/data.nc");
    await put("loose.nc");
    await put("loose_thumb.png");
    await put(".hidden/x.nc");
    await put("scene-1/.hidden");
    const report = await scanFolder(db, root, { dataset: "d" });
    expect(await catalogued()).toEqual({
      loose: ["RAWDATA loose.nc", "QUICKLOOK_SD loose_thumb.png"],
      "2024/01/scene-2": ["RAWDATA data.nc"],
      "scene-1": ["QUICKLOOK_SD b1.jpg", "RAWDATA b1.tif", "RAWDATA notes.txt"],
    });
    expect(report).toMatchObject({ datasets: 1, products: 3, files: 6, created: 3, warnings: [], roots: [root] });
  });

  test("makes a product of each stem when asked by file, but keeps folders of a known format whole", async () => {
    await put("2024/a.nc");
    await put("2024/b.nc");
    await put("S2A.SAFE/manifest.safe");
    await put("S2A.SAFE/img/b1.jp2");
    await scanFolder(db, root, { dataset: "d", by: "file" });
    expect(Object.keys(await catalogued()).sort()).toEqual(["2024/a", "2024/b", "S2A.SAFE"]);
  });

  test("keeps a file apart from a folder of the same name", async () => {
    await put("a/x.nc");
    await put("a.nc");
    await scanFolder(db, root, { dataset: "d" });
    expect(await catalogued()).toEqual({ "a.nc": ["RAWDATA a.nc"], a: ["RAWDATA x.nc"] });
  });

  test("knows sizes, checksums, media types and addresses", async () => {
    await put("größe 1/data & more.nc", "hello");
    await scanFolder(db, root, { dataset: "d" });
    const [row] =
      await db`SELECT f.uri, f.size, f.checksum, f.algorithm, f.mime_type, f.reference FROM product_files f`;
    expect(row).toEqual({
      uri: new URL(`file://${root}/gr%C3%B6%C3%9Fe%201/data%20&%20more.nc`).href,
      size: 5,
      checksum: createHash("sha256").update("hello").digest("hex"),
      algorithm: "SHA-256",
      mimeType: "application/netcdf",
      reference: false,
    });
  });

  test("updates what changed, adds what is new and forgets what vanished", async () => {
    for (const name of ["same", "changed", "gone"]) await put(`${name}/data.nc`);
    await scanFolder(db, root, { dataset: "d" });
    const before = await db`SELECT provider_id, id, created_at FROM products WHERE provider_id <> 'gone' ORDER BY 1`;
    await put("changed/data.nc", "something else");
    await put("new/data.nc");
    await rm(join(root, "gone"), { recursive: true });
    const report = await scanFolder(db, root, { dataset: "d" });
    expect(report).toMatchObject({ products: 3, created: 1, updated: 1, unchanged: 1, removed: 1 });
    expect(Object.keys(await catalogued()).sort()).toEqual(["changed", "new", "same"]);
    expect(await db`SELECT provider_id, id, created_at FROM products WHERE provider_id <> 'new' ORDER BY 1`).toEqual(
      before,
    );
    expect(await db`SELECT count(*) AS n FROM product_files`).toMatchObject([{ n: 3 }]);
  });

  test("does not read a file again whose size and time are the same", async () => {
    await put("a/data.nc", "first");
    const time = new Date("2026-01-01T00:00:00Z");
    await utimes(join(root, "a/data.nc"), time, time);
    await scanFolder(db, root, { dataset: "d" });
    await put("a/data.nc", "other");
    await utimes(join(root, "a/data.nc"), time, time);
    expect(await scanFolder(db, root, { dataset: "d" })).toMatchObject({ unchanged: 1, updated: 0 });
  });

  test("forgets nothing of another folder or dataset", async () => {
    await put("one/a/data.nc");
    await put("two/b/data.nc");
    await scanFolder(db, join(root, "one"), { dataset: "d" });
    await scanFolder(db, join(root, "two"), { dataset: "d" });
    await scanFolder(db, join(root, "two"), { dataset: "e" });
    expect((await db`SELECT provider_id FROM products ORDER BY 1`).map((row) => row["providerId"])).toEqual([
      "a",
      "b",
      "b",
    ]);
  });

  test("refuses links out of the tree and follows none to a folder", async () => {
    await put("a/data.nc");
    await symlink("/etc/hostname", join(root, "a/outside"));
    await symlink(join(root, "missing"), join(root, "a/broken"));
    await symlink("data.nc", join(root, "a/inside.nc"));
    await symlink(root, join(root, "a/loop"));
    const report = await scanFolder(db, root, { dataset: "d" });
    expect(await catalogued()).toEqual({ a: ["RAWDATA data.nc", "RAWDATA inside.nc"] });
    expect([...report.warnings].sort()).toEqual([
      "'a/broken' was left out: it links to a place outside the folder, or to nothing",
      "'a/loop' was left out: it links to a place outside the folder, or to nothing",
      "'a/outside' was left out: it links to a place outside the folder, or to nothing",
    ]);
  });

  test("says what is wrong with a folder, and leaves no dataset for it", async () => {
    await put("loose.nc");
    await expect(scanFolder(db, `${root}/nowhere`, { dataset: "none" })).rejects.toThrow("there is no such folder");
    await expect(scanFolder(db, join(root, "loose.nc"), { dataset: "none" })).rejects.toThrow("it is not a folder");
    expect(await db`SELECT label FROM datasets WHERE label = 'none'`).toHaveLength(0);
  });

  test("keeps who may see the dataset unless told otherwise", async () => {
    await put("a/data.nc");
    const visibility = async () => (await db`SELECT public, groups FROM datasets`)[0];
    await scanFolder(db, root, { dataset: "d", groups: ["ocean"] });
    expect(await visibility()).toEqual({ public: false, groups: ["ocean"] });
    await scanFolder(db, root, { dataset: "d" });
    expect(await visibility()).toEqual({ public: false, groups: ["ocean"] });
    await scanFolder(db, root, { dataset: "d", public: true });
    expect(await visibility()).toEqual({ public: true, groups: ["ocean"] });
  });
});
