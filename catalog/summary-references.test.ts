import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Selection } from "#crds/order.ts";
import { type TestStore, testStore } from "#test/support/store.ts";
import { type Access, type Catalogue, type FileTotals, postgresCatalogue } from "./catalogue.ts";
import type { ImportedFile } from "./import/record.ts";
import { writeDataset, writeProducts } from "./import/write.ts";

const before = new Date("2030-01-01T00:00:00Z");
const access: Access = { email: "user@example.org", role: "REGISTERED_USER", groups: [] };

let store: TestStore;
let catalogue: Catalogue;
beforeAll(async () => {
  store = await testStore("references");
  catalogue = postgresCatalogue(store.db);
  const dataset = { id: "mixed", label: "A mixed" };
  const written = await writeDataset(store.db, dataset, { tenant: "default", visibility: {} });
  const product = {
    properties: {},
    types: [],
    providerId: "p",
    version: 1,
    label: "p",
    model: "",
    tags: [],
    parts: [],
    files: [file("RAWDATA", "a.nc", 10), file("RAWDATA", "b.nc", 20, true), file("QUICKLOOK_SD", "c.png", 3, true)],
  };
  const now = new Date("2026-01-01T00:00:00Z");
  await writeProducts(store.db, [product], { tenant: "default", dataset, written, source: "test:", now });
  await store.db`INSERT INTO datasets (urn, label) VALUES ('URN:second', 'B second')`;
  await store.db`UPDATE products SET dataset_ids = dataset_ids || (SELECT id FROM datasets WHERE label = 'B second')`;
});
afterAll(() => store?.drop());

function file(type: ImportedFile["type"], filename: string, size: number, reference = false): ImportedFile {
  return { type, filename, uri: `https://example.org/${filename}`, mimeType: "x/y", reference, size };
}

async function references(selections: Selection[]) {
  const { datasets } = await catalogue.summarize(selections, { access, before, references: true });
  return datasets.map(({ label, references: found }) => [label, found]);
}

const cases: Record<string, readonly [Selection[], Record<string, FileTotals>]> = {
  "of all kinds": [[{ query: "*" }], { RAWDATA: { files: 1, bytes: 20 }, QUICKLOOK_SD: { files: 1, bytes: 3 } }],
  "once where selections overlap": [
    [{ query: "*" }, { includeIds: ["p"] }],
    { RAWDATA: { files: 1, bytes: 20 }, QUICKLOOK_SD: { files: 1, bytes: 3 } },
  ],
  "of the kinds that are selected": [
    [{ query: "*", fileTypes: ["QUICKLOOK_SD"] }],
    { QUICKLOOK_SD: { files: 1, bytes: 3 } },
  ],
  "of the names that are selected": [
    [{ query: "*", fileNamePattern: "[ab].nc" }],
    { RAWDATA: { files: 1, bytes: 20 } },
  ],
};
for (const [name, [selections, want]] of Object.entries(cases)) {
  test(`summarize() counts references ${name}`, async () => {
    expect(await references(selections)).toEqual([["A mixed", want]]);
  });
}

test("summarize() and search() show a product of two datasets under the one that was asked for", async () => {
  const asked: Selection[] = [{ dataset: "URN:second", query: "*" }];
  const { datasets } = await catalogue.summarize(asked, { access, before });
  const { products } = await catalogue.search(asked, { access, before, limit: 10 });
  expect([datasets.map(({ label }) => label), products.map(({ dataset }) => dataset.label)]).toEqual([
    ["B second"],
    ["B second"],
  ]);
});
