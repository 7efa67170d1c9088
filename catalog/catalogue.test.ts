import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Selection } from "#crds/order.ts";
import { connect, type Db, tenantSchema } from "#store/db.ts";
import { migrate } from "#store/migrate.ts";
import { type TestDatabase, testDatabase } from "#test/support/database.ts";
import { type Access, type Catalogue, CatalogueError, postgresCatalogue } from "./catalogue.ts";
import { importStac } from "./import/stac.ts";

const LANDSAT = join(import.meta.dir, "../../shared/data/landsat");
const GREENLAND = "LC08_L2SP_005009_20150710_20200908_02_T2";
const COLOMBIA = "LC08_L2SP_008059_20191201_20200825_02_T1";
const ADMIN: Access = { email: "admin@example.org", role: "ADMIN", groups: [] };
const before = new Date("2030-01-01T00:00:00Z");

let database: TestDatabase;
let db: Db;
let catalogue: Catalogue;

const found: Record<string, readonly [selection: Selection, want: readonly string[]]> = {
  "platform and cloud cover": [{ query: 'platform:"landsat-8" AND eo:cloud_cover:[0 TO 60]' }, [GREENLAND]],
  "a smaller range": [{ query: "eo:cloud_cover:{54.65 TO 100]" }, [COLOMBIA]],
  "a closed upper bound": [{ query: "eo:cloud_cover:[50 TO 54.65]" }, [GREENLAND]],
  "a comparison": [{ query: "eo:cloud_cover>60" }, [COLOMBIA]],
  "an equal number": [{ query: "eo:cloud_cover:54.650" }, [GREENLAND]],
  "a number by its short name": [{ query: "cloud_cover<60" }, [GREENLAND]],
  "a prefixed name": [{ query: "feature.properties.eo:cloud_cover<=54.65" }, [GREENLAND]],
  "a text by part": [{ query: "landsat:scene_id:2015191" }, [GREENLAND]],
  "a text by part, wrong case": [{ query: "landsat:scene_id:lgn" }, []],
  "words in text mode, any case": [{ query: "platform@text:LANDSAT" }, [GREENLAND, COLOMBIA]],
  "whole words only in text mode": [{ query: "platform@text:land" }, []],
  "an exact text": [{ query: 'landsat:collection_category:"T1"' }, [COLOMBIA]],
  "an exact text is no part": [{ query: 'landsat:collection_category:"T"' }, []],
  "one of several values": [{ query: 'instruments:"tirs"' }, [GREENLAND, COLOMBIA]],
  "a wildcard": [{ query: "providerId:LC08_L2SP_005*" }, [GREENLAND]],
  "a wildcard takes the whole value": [{ query: "providerId:L2SP_005*" }, []],
  "a leading wildcard": [{ query: "providerId:*_T?" }, [GREENLAND, COLOMBIA]],
  "the alias productId": [{ query: `productId:"${COLOMBIA}"` }, [COLOMBIA]],
  "a list of ids": [{ query: `last=true AND providerId=("${COLOMBIA}" OR "x")` }, [COLOMBIA]],
  "a regular expression": [{ query: "providerId:/.*_2019[0-9]{4}_.*/" }, [COLOMBIA]],
  "a regular expression of an attribute": [{ query: "landsat:scene_id:/LC8.{3}009.*/" }, [GREENLAND]],
  "a day": [{ query: "datetime:2015-07-10" }, [GREENLAND]],
  "a year": [{ query: "datetime:2019" }, [COLOMBIA]],
  "a time without zone in a range": [{ query: "datetime:[2015-07-09T23:59:59 TO 2015-07-10T00:00:00]" }, [GREENLAND]],
  "a range of dates, open": [{ query: "datetime:{2015-07-10 TO *]" }, [COLOMBIA]],
  "a value without a field": [{ query: "LC80050092015191LGN01" }, [GREENLAND]],
  "a phrase without a field": [{ query: '"T1"' }, [COLOMBIA]],
  "a wildcard without a field": [{ query: "LC8005*" }, [GREENLAND]],
  "a regular expression without a field": [{ query: "/LC8\\d+LGN01/" }, [GREENLAND]],
  "an existing attribute": [{ query: "_exists_:eo:cloud_cover" }, [GREENLAND, COLOMBIA]],
  "existence denied": [{ query: "NOT eo:cloud_cover:*" }, []],
  everything: [{ query: "*:*" }, [GREENLAND, COLOMBIA]],
  "everything but": [{ query: "*:* -landsat:wrs_row:59" }, [GREENLAND]],
  "the name of a raw file": [{ query: 'rawdata:"LC08_L2SP_008059_20191201_20200825_02_T1_SR_B1.TIF"' }, [COLOMBIA]],
  "a quicklook is no raw file": [{ query: "rawdata:thumb" }, []],
  "the version": [{ query: "version:1 AND version<2 AND last:true" }, [GREENLAND, COLOMBIA]],
  "the model of a dataset": [{ query: "datasetModelNames:stac" }, [GREENLAND, COLOMBIA]],
  "the time of entry": [{ query: "_creationDate:[2026-01-02 TO 2026-01-02]" }, [GREENLAND, COLOMBIA]],
  "the dataset by its id's label": [
    { dataset: "Landsat Collection 2 Level-2, reduced samples" },
    [GREENLAND, COLOMBIA],
  ],
  "another dataset": [{ dataset: "nothing" }, []],
  "ids to include": [{ includeIds: [GREENLAND, "nothing"] }, [GREENLAND]],
  "no ids to include": [{ includeIds: [] }, []],
  "ids to exclude": [{ query: "*", excludeIds: [GREENLAND] }, [COLOMBIA]],
  "an area": [{ geometry: "POLYGON((-41 72, -39 72, -39 73, -41 73, -41 72))" }, [GREENLAND]],
  "an area within the box but beside the footprint": [{ geometry: "POINT(-42.8 73.3)" }, []],
  "a point": [{ geometry: "POINT(-39 72.5)" }, [GREENLAND]],
  "a line that crosses": [{ geometry: "LINESTRING(-60 72.5, -20 72.5)" }, [GREENLAND]],
  GeoJSON: [
    { geometry: '{"type":"Polygon","coordinates":[[[-180,-90],[180,-90],[180,90],[-180,90],[-180,-90]]]}' },
    [GREENLAND, COLOMBIA],
  ],
  "a hole round the footprint": [
    { geometry: "POLYGON((-60 60, -20 60, -20 80, -60 80, -60 60), (-50 65, -30 65, -30 78, -50 78, -50 65))" },
    [],
  ],
  "an entry time of its own": [{ query: "*", before: "2026-01-01T00:00:00Z" }, []],
};

const unknown: Record<string, readonly [query: string, detail: string]> = {
  "an unknown attribute": ["eo:cloud_covr:5", "Unknown attribute 'eo:cloud_covr' (did you mean 'eo:cloud_cover'?)"],
  "an attribute like no other": ["zzzzzz:5", "Unknown attribute 'zzzzzz'"],
  "an unquoted URN": ["id:URN:AIP:1", "Unknown attribute 'id:URN:AIP' (a value of 'id' that holds ':' must be quoted)"],
  "a range of a text": [
    "platform:[a TO b]",
    "Cannot search a range of 'platform': it is a string, expected a number or a date",
  ],
  "a range of a static text": [
    "label:[a TO b]",
    "Cannot search a range of 'label': it is a string, expected a number or a date",
  ],
  "a word for a number": ["eo:cloud_cover:few", "Cannot compare 'eo:cloud_cover' with 'few': expected a number"],
  "a word for a date": [
    "datetime:[soon TO *]",
    "Cannot compare 'datetime' with the range from 'soon' to '*': expected a date such as '2007-12-03T10:15:30Z'",
  ],
  "a word for a truth": ["last:maybe", "Cannot compare 'last' with 'maybe': expected 'true' or 'false'"],
  "a wildcard for a number": ["eo:cloud_cover:5*", "Cannot compare 'eo:cloud_cover' with '5*': expected a number"],
  "broken syntax": ["a AND", "Cannot parse query: expected a clause, found the end of the query at column 6"],
};

describe.skipIf(!existsSync(LANDSAT))("a catalogue of real Landsat items (../shared/data)", () => {
  beforeAll(async () => {
    database = await testDatabase("landsat");
    await migrate(database.url, { schema: tenantSchema("default") });
    db = connect(database.url, { schema: tenantSchema("default"), max: 4 });
    catalogue = postgresCatalogue(db);
    await importStac(db, join(LANDSAT, "collection.json"), { now: () => new Date("2026-01-02T03:04:05Z") });
  });
  afterAll(async () => {
    await db?.end();
    await database?.drop();
  });

  for (const [name, [selection, want]] of Object.entries(found)) {
    test(`search() finds by ${name}`, async () => {
      const { products } = await catalogue.search([selection], { access: ADMIN, before, limit: 10 });
      expect(products.map((product) => product.providerId)).toEqual([...want]);
    });
  }

  for (const [name, [query, detail]] of Object.entries(unknown)) {
    test(`search() refuses ${name}`, async () => {
      const error = await catalogue.search([{ query }], { access: ADMIN, before, limit: 10 }).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(CatalogueError);
      expect((error as CatalogueError).message).toBe(
        "Error applying search queries. Please correct your requests. Maybe your queries contains unknown attributes",
      );
      expect((error as CatalogueError).detail).toBe(detail);
    });
  }

  test("search() finds a product by its URN and by the URN of its last version", async () => {
    const { products } = await catalogue.search([{ includeIds: [GREENLAND] }], { access: ADMIN, before, limit: 1 });
    const urn = products[0]?.urn ?? "";
    const queries = [
      `id:"${urn}"`,
      `virtualId:"${urn.replace(/V1$/, "LAST")}"`,
      `tags:"${products[0]?.dataset.urn}" AND label:005009`,
    ];
    for (const query of queries) {
      const again = await catalogue.search([{ query }], { access: ADMIN, before, limit: 2 });
      expect(again.products.map((product) => product.providerId)).toEqual([GREENLAND]);
    }
  });

  test("search() gives the files with sizes, checksums and addresses", async () => {
    const { products } = await catalogue.search([{ includeIds: [GREENLAND] }], { access: ADMIN, before, limit: 1 });
    const [product] = products;
    expect(product?.files).toHaveLength(24 + 1);
    expect(product?.files.find((file) => file.filename.endsWith("_ANG.txt"))).toEqual({
      type: "RAWDATA",
      filename: `${GREENLAND}_ANG.txt`,
      uri: `file://${join(LANDSAT, GREENLAND)}/${GREENLAND}_ANG.txt`,
      mimeType: "text/plain",
      size: 117396,
      checksum: "7ec208551278a8bfdaab4389cb3236d787f856e09fe8164222d8d5736b1ac8dc",
      algorithm: "SHA-256",
      reference: false,
    });
    const kinds = Object.groupBy(product?.files ?? [], (file) => file.type);
    expect([kinds.QUICKLOOK_SD?.length, kinds.QUICKLOOK_HD?.length]).toEqual([1, 1]);
  });

  test("search() walks pages and tells which selections matched", async () => {
    const selections: Selection[] = [{ query: "eo:cloud_cover<60" }, { query: "platform:landsat-8" }];
    const first = await catalogue.search(selections, { access: ADMIN, before, limit: 1 });
    expect(first.products.map(({ providerId, matched }) => [providerId, matched])).toEqual([[GREENLAND, [0, 1]]]);
    const second = await catalogue.search(selections, { access: ADMIN, before, limit: 1, after: first.next ?? -1 });
    expect(second.products.map(({ providerId, matched }) => [providerId, matched])).toEqual([[COLOMBIA, [1]]]);
    expect(second.next).toBeUndefined();
  });

  test("summarize() counts by dataset and kind, overlaps once", async () => {
    const selections: Selection[] = [
      { query: "platform:landsat-8" },
      { query: "eo:cloud_cover<60" },
      { dataset: "nothing" },
    ];
    const summary = await catalogue.summarize(selections, { access: ADMIN, before });
    const { products } = await catalogue.search(selections, { access: ADMIN, before, limit: 10 });
    const files = products.flatMap((product) => product.files);
    expect(summary.products).toBe(2);
    expect(summary.files).toBe(files.length);
    expect(summary.bytes).toBe(files.reduce((sum, file) => sum + (file.size ?? 0), 0));
    expect(summary.datasets.map(({ label, products: count }) => [label, count])).toEqual([
      ["Landsat Collection 2 Level-2, reduced samples", 2],
    ]);
    expect(summary.datasets[0]?.byType["QUICKLOOK_SD"]).toEqual({ files: 2, bytes: 5474 + 13403 });
  });

  test("summarize() counts what each matched selection admits", async () => {
    const selections: Selection[] = [
      { query: "eo:cloud_cover<60", fileTypes: ["QUICKLOOK_SD"] },
      { query: "*", fileTypes: ["QUICKLOOK_HD"] },
    ];
    const summary = await catalogue.summarize(selections, { access: ADMIN, before });
    expect(summary.datasets[0]?.byType).toEqual({
      QUICKLOOK_SD: { files: 1, bytes: 5474 },
      QUICKLOOK_HD: { files: 2, bytes: 23300 + 94805 },
    });
  });

  test("summarize() counts only names that match", async () => {
    const summary = await catalogue.summarize([{ query: "*", fileNamePattern: ".*_MTL\\.(txt|xml)" }], {
      access: ADMIN,
      before,
    });
    expect([summary.products, summary.files, summary.bytes]).toEqual([2, 4, 15137 + 22256 + 15308 + 22557]);
  });

  test("summarize() finds nothing in an empty list", async () => {
    expect(await catalogue.summarize([], { access: ADMIN, before })).toEqual({
      products: 0,
      files: 0,
      bytes: 0,
      datasets: [],
    });
  });

  test("search() stops what takes too long, with a word about it", async () => {
    await db`INSERT INTO products (urn, provider_id, version, last, label, dataset_ids, search_text, type_files, type_bytes, content_hash, source, created_at, updated_at)
             SELECT 'slow' || n, 'slow', 1, true, 'slow', ARRAY[(SELECT min(id) FROM datasets)], repeat('ab', 4000), '{0,0,0,0}', '{0,0,0,0}', '', '', now(), now() FROM generate_series(1, 3000) n`;
    const impatient = postgresCatalogue(db, { timeoutMs: 5 });
    const error = await impatient
      .search([{ query: "/(a|b)*c{1,200}(a|b)*x/" }], { access: ADMIN, before, limit: 10 })
      .catch((e: unknown) => e);
    await db`DELETE FROM products WHERE provider_id = 'slow'`;
    expect((error as CatalogueError).detail).toBe("Search was stopped after 0.005 s: narrow the selection");
  });
});
