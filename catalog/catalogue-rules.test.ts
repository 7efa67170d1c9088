import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Selection } from "#crds/order.ts";
import { connect, type Db, tenantSchema } from "#store/db.ts";
import { migrate } from "#store/migrate.ts";
import { type TestDatabase, testDatabase } from "#test/support/database.ts";
import { type Access, type Catalogue, CatalogueError, postgresCatalogue } from "./catalogue.ts";
import { partsOf } from "./geometry/parts.ts";
import { shapesOfWkt } from "./geometry/wkt.ts";
import { readAttributes } from "./import/attributes.ts";
import type { ImportedDataset, ImportedFile, ImportedProduct, Visibility } from "./import/record.ts";
import { writeDataset, writeProducts } from "./import/write.ts";

const before = new Date("2030-01-01T00:00:00Z");
const admin: Access = { email: "admin@example.org", role: "ADMIN", groups: [] };
const exploit: Access = { email: "exploit@example.org", role: "EXPLOIT", groups: [] };
const user: Access = { email: "user@example.org", role: "REGISTERED_USER", groups: ["ocean", "other"] };

let database: TestDatabase;
let db: Db;
let catalogue: Catalogue;

beforeAll(async () => {
  database = await testDatabase("rules");
  await migrate(database.url, { schema: tenantSchema("default") });
  db = connect(database.url, { schema: tenantSchema("default"), max: 4 });
  catalogue = postgresCatalogue(db);
  await importInto("open", [product("in-open"), product("old", { at: "2020-01-01T00:00:00Z" })], { label: "B open" });
  await importInto("ocean", [product("in-ocean")], { label: "A ocean", visibility: { groups: ["ocean"] } });
  await importInto("secret", [product("in-secret")], { label: "C secret", visibility: { groups: ["nobody"] } });
  await importInto("twin-1", [product("in-twin-1")], { label: "twin" });
  await importInto("twin-2", [product("in-twin-2")], { label: "twin" });
  await importInto("versions", [version(1), version(3)], {});
  await importInto("versions", [version(2)], {});
  await importInto(
    "mixed",
    [product("number", { properties: { mixed: 15 } }), product("text", { properties: { mixed: "15 km" } })],
    {},
  );
  await importInto(
    "sizes",
    [product("unsized", { files: [file("RAWDATA", "a.nc"), file("RAWDATA", "b.nc", 7), file("RAWDATA", "c.nc", 7)] })],
    {},
  );
  await importInto(
    "areas",
    [product("scene", { wkt: "POLYGON((179 0,-179 0,-179 2,179 2,179 0))" }), product("ring", { wkt: RING })],
    {},
  );
});
afterAll(async () => {
  await db?.end();
  await database?.drop();
});

const RING = "POLYGON((0 0,10 0,10 10,0 10,0 0),(2 2,8 2,8 8,2 8,2 2))";

describe("a catalogue's access", () => {
  test("shows public datasets and those of the user's groups", async () => {
    expect(await ids([{ query: "in-" }], user)).toEqual(["in-ocean", "in-open", "in-twin-1", "in-twin-2"]);
  });

  test("shows only public datasets to a user without groups", async () => {
    expect(await ids([{ query: "in-" }], exploit)).toEqual(["in-open", "in-twin-1", "in-twin-2"]);
  });

  test("shows everything to an administrator", async () => {
    expect(await ids([{ query: "in-" }], admin)).toEqual([
      "in-ocean",
      "in-open",
      "in-secret",
      "in-twin-1",
      "in-twin-2",
    ]);
  });

  test("does not show a dataset that is named but not accessible", async () => {
    expect(await ids([{ dataset: "C secret" }], user)).toEqual([]);
    expect(await ids([{ includeIds: ["in-secret"] }], user)).toEqual([]);
  });

  test("hides products that are in no dataset, even from an administrator", async () => {
    await db`UPDATE products SET dataset_ids = '{}' WHERE provider_id = 'old'`;
    const seen = [await ids([{ query: "old" }], admin), await ids([{ query: "old" }], user)];
    await db`UPDATE products SET dataset_ids = ARRAY[(SELECT id FROM datasets WHERE label = 'B open')] WHERE provider_id = 'old'`;
    expect(seen).toEqual([[], []]);
  });

  test("reports a product of two datasets once, in the first that the user may access", async () => {
    await db`UPDATE products SET dataset_ids = dataset_ids || (SELECT id FROM datasets WHERE label = 'A ocean') WHERE provider_id = 'in-open'`;
    const selections: Selection[] = [{ includeIds: ["in-open"] }, { dataset: "A ocean" }, { dataset: "B open" }];
    const labels = async (access: Access) =>
      (await find([{ includeIds: ["in-open"] }], access)).map(({ dataset }) => dataset.label);
    const summary = await catalogue.summarize(selections, { access: user, before });
    const seen = [await labels(user), await labels(exploit)];
    await db`UPDATE products SET dataset_ids = dataset_ids[1:1] WHERE provider_id = 'in-open'`;
    expect(seen).toEqual([["A ocean"], ["B open"]]);
    expect(summary.datasets.map(({ label, products }) => [label, products])).toEqual([
      ["A ocean", 2],
      ["B open", 1],
    ]);
    expect(summary.products).toBe(3);
  });

  test("gives the same products to summarize() and search() for every role (P32)", async () => {
    for (const access of [admin, exploit, user]) {
      const products = await find([{ query: "*" }], access);
      const summary = await catalogue.summarize([{ query: "*" }], { access, before });
      expect([summary.products, summary.files]).toEqual([
        products.length,
        products.flatMap(({ files }) => files).length,
      ]);
    }
  });
});

describe("a catalogue's rules", () => {
  test("keep two datasets with the same label apart (P10)", async () => {
    const summary = await catalogue.summarize([{ dataset: "twin" }], { access: user, before });
    expect(summary.datasets.map(({ label, products }) => [label, products])).toEqual([
      ["twin", 1],
      ["twin", 1],
    ]);
    expect(new Set(summary.datasets.map(({ urn }) => urn)).size).toBe(2);
    expect(await ids([{ dataset: summary.datasets[0]?.urn ?? "" }], user)).toHaveLength(1);
  });

  test("find files without a size, and files with the same checksum (P12, P13)", async () => {
    const [found] = await find([{ query: "providerId:unsized" }], user);
    expect(found?.files.map(({ filename, size }) => [filename, size])).toEqual([
      ["a.nc", undefined],
      ["b.nc", 7],
      ["c.nc", 7],
    ]);
    const summary = await catalogue.summarize([{ query: "providerId:unsized" }], { access: user, before });
    expect([summary.files, summary.bytes]).toEqual([3, 14]);
  });

  test("match all versions unless only the last is asked", async () => {
    const versions = async (query: string) => (await find([{ query }], user)).map((found) => found.version).sort();
    expect(await versions("providerId:versioned")).toEqual([1, 2, 3]);
    expect(await versions("providerId:versioned AND last:true")).toEqual([3]);
    expect(await versions("providerId:versioned AND version>=2")).toEqual([2, 3]);
    expect(await versions("NOT virtualId:* AND providerId:versioned")).toEqual([1, 2]);
  });

  test("leave out products that are newer than the order", async () => {
    const old = new Date("2020-06-01T00:00:00Z");
    const page = await catalogue.search([{ query: "*" }], { access: admin, before: old, limit: 10 });
    expect(page.products.map(({ providerId }) => providerId)).toEqual(["old"]);
    expect((await catalogue.summarize([{ query: "*" }], { access: admin, before: old })).products).toBe(1);
  });

  test("leave out products that are newer than the selection, its time in UTC unless it says otherwise", async () => {
    const seen = (time: string) => ids([{ query: "*", before: time }], admin);
    expect(await seen("2020-01-01T00:00:00")).toEqual([]);
    expect(await seen("2020-01-01T00:00:01")).toEqual(["old"]);
    expect(await seen("2020-01-01T01:00:01+01:00")).toEqual(["old"]);
    expect(await seen("2020-01-01T01:00:00+01:00")).toEqual([]);
  });

  test("ask every type of an attribute that the value fits", async () => {
    expect(await ids([{ query: "mixed:15" }], user)).toEqual(["number", "text"]);
    expect(await ids([{ query: "mixed:[10 TO 20]" }], user)).toEqual(["number"]);
    expect(await ids([{ query: 'mixed:"15 km"' }], user)).toEqual(["text"]);
  });

  test("find footprints on both sides of the antimeridian", async () => {
    expect(await ids([{ geometry: "POINT(179.5 1)" }], user)).toEqual(["scene"]);
    expect(await ids([{ geometry: "POINT(-179.5 1)" }], user)).toEqual(["scene"]);
    expect(await ids([{ geometry: "POLYGON((170 1,190 1,190 5,170 5,170 1))" }], user)).toEqual(["scene"]);
  });

  test("respect the holes of footprints", async () => {
    expect(await ids([{ geometry: "POLYGON((3 3,7 3,7 7,3 7,3 3))" }], user)).toEqual([]);
    expect(await ids([{ geometry: "POLYGON((3 3,7 3,7 9,3 9,3 3))" }], user)).toEqual(["ring"]);
    expect(await ids([{ geometry: "POINT(1 1)" }], user)).toEqual(["ring"]);
  });

  test("walk all pages once each, whatever the size of a page", async () => {
    const selections: Selection[] = [{ query: "*" }, { query: "in-" }, { geometry: RING }];
    const whole = await find(selections, admin);
    for (const limit of [1, 2, 5]) {
      const walked: number[] = [];
      for (let after: number | undefined = 0; after !== undefined; ) {
        const page = await catalogue.search(selections, { access: admin, before, after, limit });
        walked.push(...page.products.map(({ id }) => id));
        after = page.next;
      }
      expect(walked).toEqual(whole.map(({ id }) => id));
    }
  });

  test("go on from a cursor although the product there is gone", async () => {
    await importInto("gone", [product("gone-1"), product("gone-2"), product("gone-3")], {});
    const first = await catalogue.search([{ dataset: "gone" }], { access: admin, before, limit: 1 });
    await db`DELETE FROM products WHERE provider_id = ${first.products[0]?.providerId ?? ""}`;
    const rest = await catalogue.search([{ dataset: "gone" }], {
      access: admin,
      before,
      limit: 5,
      after: first.next ?? 0,
    });
    expect(rest.products).toHaveLength(2);
    await db`DELETE FROM products WHERE provider_id LIKE 'gone-%'`;
  });

  test("answer any text as a value, a name or an id, or refuse it: never fail, never run it", async () => {
    const texts = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 12 }),
      fc.string({ unit: fc.constantFrom(..."'\"\\$1%_;-/*?.[](){}:\x1f"), maxLength: 12 }),
    );
    const quote = (text: string) => `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
    await fc.assert(
      fc.asyncProperty(
        texts,
        fc.constantFrom("", "mixed:", "label@text:", "rawdata:", "tags:", "NOT model:"),
        async (text, field) => {
          const selections: Selection[] = [
            { query: `${field}${quote(text)}` },
            { query: `${field}${text}` },
            { query: `${text}:x` },
            { query: "*", dataset: text },
            { includeIds: [text, "\0"], excludeIds: ["'", text] },
          ];
          for (const selection of selections) {
            const answer = await catalogue
              .search([selection], { access: user, before, limit: 1 })
              .catch((error: unknown) => error);
            if (answer instanceof Error) expect(answer).toBeInstanceOf(CatalogueError);
          }
        },
      ),
      { numRuns: 120 },
    );
  });

  test("match as the tree says, whatever the operators", async () => {
    const all = ["in-ocean", "in-open", "in-secret"];
    const leaves = fc.constantFrom(...all);
    type Expression = { text: string; holds: (id: string) => boolean };
    const expressions = fc.letrec<{ e: Expression }>((tie) => ({
      e: fc.oneof(
        { maxDepth: 3 },
        leaves.map((id): Expression => ({ text: `providerId:"${id}"`, holds: (one) => one === id })),
        fc
          .tuple(tie("e"), tie("e"))
          .map(
            ([a, b]): Expression => ({ text: `(${a.text} AND ${b.text})`, holds: (id) => a.holds(id) && b.holds(id) }),
          ),
        fc
          .tuple(tie("e"), tie("e"))
          .map(([a, b]): Expression => ({ text: `(${a.text} ${b.text})`, holds: (id) => a.holds(id) || b.holds(id) })),
        tie("e").map((a): Expression => ({ text: `(NOT ${a.text})`, holds: (id) => !a.holds(id) })),
      ),
    })).e;
    await fc.assert(
      fc.asyncProperty(expressions, async ({ text, holds }) => {
        expect(await ids([{ query: text, includeIds: all }], admin)).toEqual(all.filter(holds));
      }),
      { numRuns: 100 },
    );
  });
});

async function find(selections: Selection[], access: Access) {
  return (await catalogue.search(selections, { access, before, limit: 1000 })).products;
}

async function ids(selections: Selection[], access: Access): Promise<string[]> {
  return (await find(selections, access)).map(({ providerId }) => providerId).sort();
}

type Draft = {
  at?: string;
  properties?: Record<string, unknown>;
  files?: ImportedFile[];
  wkt?: string;
  version?: number;
};
type DraftProduct = ImportedProduct & { at: string };

function product(providerId: string, draft: Draft = {}): DraftProduct {
  return {
    ...readAttributes(draft.properties ?? {}, () => {}),
    providerId,
    version: draft.version ?? 1,
    label: providerId,
    model: "",
    tags: [],
    parts: draft.wkt ? partsOf(shapesOfWkt(draft.wkt)) : [],
    files: draft.files ?? [file("RAWDATA", `${providerId}.nc`, 10)],
    at: draft.at ?? "2026-01-01T00:00:00Z",
  };
}

function version(number: number): DraftProduct {
  return product("versioned", { version: number });
}

function file(type: ImportedFile["type"], filename: string, size?: number): ImportedFile {
  const checksum = { checksum: "00", algorithm: "MD5" };
  return {
    type,
    filename,
    uri: `https://example.org/${filename}`,
    mimeType: "application/netcdf",
    reference: false,
    ...checksum,
    ...(size === undefined ? {} : { size }),
  };
}

async function importInto(
  id: string,
  products: DraftProduct[],
  options: { label?: string; visibility?: Visibility },
): Promise<void> {
  const dataset: ImportedDataset = { id, label: options.label ?? id };
  const written = await writeDataset(db, dataset, { tenant: "default", visibility: options.visibility ?? {} });
  for (const { at, ...one } of products) {
    await writeProducts(db, [one], { tenant: "default", dataset, written, source: "test:", now: new Date(at) });
  }
}
