/** Layouts and parts of an order's archives: names and membership hold while files arrive. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { FileRow } from "#store/files.ts";
import { type ApiWorld, apiWorld, type TestFile } from "#test/support/api-world.ts";
import { readZip } from "#test/support/read-zip.ts";
import { LAYOUTS, placing } from "./layout.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_layout");
});
afterAll(() => world.close());

async function get(path: string, headers: Record<string, string> = {}) {
  const response = await world.call(`GET ${path}`, { headers });
  return { status: response.status, headers: response.headers, bytes: Buffer.from(await response.arrayBuffer()) };
}

const zip = (id: number, query: string) => `/user/orders/${id}/download?all=true&${query}`;

async function names(path: string): Promise<readonly string[]> {
  const { status, bytes } = await get(path);
  return status === 204 ? [] : Object.keys(readZip(bytes));
}

function file(name: string, product: string, content = `${name} of ${product}`): TestFile {
  return {
    name,
    content,
    catalogued: { providerId: product, productUrn: `URN:${product}`, size: Buffer.byteLength(content) },
  };
}

const SCENES = [file("B1.tif", "LC08/1"), file("B1.tif", "LC08/2"), file("B2.tif", "LC08/2"), file("B1.tif", "..")];

describe("layout", () => {
  const layouts = {
    flat: ["B1.tif", "B1 (1).tif", "B2.tif", "B1 (2).tif"],
    product: ["LC08_1/B1.tif", "LC08_2/B1.tif", "LC08_2/B2.tif", "file/B1.tif"],
    dataset: ["Dataset/LC08_1/B1.tif", "Dataset/LC08_2/B1.tif", "Dataset/LC08_2/B2.tif", "Dataset/file/B1.tif"],
  };
  for (const [layout, want] of Object.entries(layouts)) {
    test(`${layout} names ${want.join(", ")}`, async () => {
      const { id } = await world.order(SCENES);
      expect(await names(zip(id, `layout=${layout}`))).toEqual(want);
    });
  }

  test("names stay when files come that lie before", async () => {
    const { id } = await world.order([{ name: "a.txt" }, { name: "a.txt", content: "second" }]);
    expect(await names(zip(id, ""))).toEqual(["a (1).txt"]);
  });

  test("what is downloaded goes on with the archive of its own layout", async () => {
    const { id } = await world.order(SCENES);
    const flat = await get(zip(id, "layout=flat"));
    const product = await get(zip(id, "layout=product"));
    expect(product.headers.get("etag")).not.toBe(flat.headers.get("etag"));
    const rest = await get(zip(id, "layout=flat"), { range: "bytes=20-" });
    expect([rest.status, rest.bytes.equals(flat.bytes.subarray(20))]).toEqual([206, true]);
    const other = { range: "bytes=20-", "if-range": product.headers.get("etag") ?? "" };
    expect((await get(zip(id, "layout=flat"), other)).status).toBe(200);
  });

  test("an unknown layout is refused with those that there are", async () => {
    const { id } = await world.order(SCENES);
    const { status, bytes } = await get(zip(id, "layout=deep"));
    expect([status, JSON.parse(bytes.toString())]).toEqual([
      422,
      { messages: ["layout: expected flat, product, dataset, got 'deep'"] },
    ]);
  });

  test("placing() gives each file a name of its own that is safe, and the same whatever comes after", () => {
    const text = fc.oneof(fc.string(), fc.constantFrom("a", "A", "NOTICE.txt", "notice.json", "..", "a/b", "a (1)"));
    const row = fc.record({ filename: text, providerId: text, productUrn: text, datasetUrn: text, datasetLabel: text });
    fc.assert(
      fc.property(fc.constantFrom(...LAYOUTS), fc.array(row, { maxLength: 30 }), fc.nat(30), (layout, rows, cut) => {
        const places = (list: typeof rows) => {
          const place = placing({ layout });
          return list.map((file) => place(file as unknown as FileRow).name);
        };
        const all = places(rows);
        expect(new Set(all.map((name) => name.toLowerCase())).size).toBe(all.length);
        for (const name of all) {
          expect(name.split("/").every((step) => step !== "" && step !== "." && step !== "..")).toBe(true);
          expect(name).not.toMatch(/^(notice\.txt|notice\.json)(\/|$)/i);
        }
        expect(places(rows.slice(0, cut))).toEqual(all.slice(0, cut));
      }),
      { numRuns: 300 },
    );
  });
});

describe("parts", () => {
  const TEN = Array.from({ length: 10 }, (_, i) => file(`f${i}.bin`, `p${i}`, `${i}`.repeat(10_000)));

  test("hold every file once, none is larger than asked, each is an archive of its own", async () => {
    const { id } = await world.order(TEN);
    const first = await get(zip(id, "part=1&partSize=35000"));
    const count = Number(first.headers.get("x-archive-parts"));
    expect(count).toBe(4);
    const seen: string[] = [];
    for (let part = 1; part <= count; part++) {
      const { status, bytes, headers } = await get(zip(id, `part=${part}&partSize=35000`));
      expect([status, bytes.length <= 35_000]).toEqual([200, true]);
      expect(headers.get("content-disposition")).toContain(`_part${part}.zip`);
      seen.push(...Object.keys(readZip(bytes)));
    }
    expect(seen).toEqual(TEN.map(({ name }) => name));
  });

  test("keep their members while files arrive, and tell their number before", async () => {
    const pending = TEN.map((file, i) => (i % 2 === 0 ? file : { name: file.name, catalogued: file.catalogued ?? {} }));
    const { id } = await world.order(pending);
    const head = await world.call(`HEAD ${zip(id, "part=1&partSize=35000")}`);
    expect([head.status, head.headers.get("x-archive-parts")]).toEqual([200, "4"]);
    const got = await Promise.all([1, 2, 3, 4].map((part) => names(zip(id, `part=${part}&partSize=35000`))));
    expect(got).toEqual([["f0.bin", "f2.bin"], ["f4.bin"], ["f6.bin", "f8.bin"], []]);
  });

  test("one file alone may be larger; one whose size nobody tells counts as a tenth", async () => {
    const unknown = Array.from({ length: 25 }, (_, i) => ({
      name: `u${i}`,
      reference: "http://127.0.0.1:1/u",
      subOrder: 2,
    }));
    const { id } = await world.order([...TEN.slice(0, 3), ...unknown]);
    const head = await world.call(`HEAD ${zip(id, "part=1&partSize=5000")}`);
    expect(head.headers.get("x-archive-parts")).toBe("8");
    expect(await names(zip(id, "part=3&partSize=5000"))).toEqual(["f2.bin"]);
  });

  test("204 with their number while nothing of a part is there, 404 with a word beyond the last", async () => {
    const { id } = await world.order([{ name: "pending" }]);
    const nothing = await get(zip(id, "part=1&partSize=1000"));
    expect([nothing.status, nothing.headers.get("x-archive-parts")]).toEqual([204, "1"]);
    const beyond = await get(zip(id, "part=2&partSize=1000"));
    expect([beyond.status, JSON.parse(beyond.bytes.toString())]).toEqual([
      404,
      { messages: [`No such part: order ${id} has 1 of at most 1000 bytes, got part '2'`] },
    ]);
  });

  const refused = {
    "part=1": "partSize: expected together with part, the bytes of one part",
    "partSize=1000": "part: expected together with partSize, from 1",
    "part=0&partSize=1000": "part: expected a positive whole number, got '0'",
    "part=1&partSize=1e9": "partSize: expected a positive whole number, got '1e9'",
  };
  for (const [query, message] of Object.entries(refused)) {
    test(`?${query} is refused`, async () => {
      const { id } = await world.order([{ name: "pending" }]);
      const { status, bytes } = await get(zip(id, query));
      expect([status, JSON.parse(bytes.toString())]).toEqual([422, { messages: [message] }]);
    });
  }

  test("a part goes on where it was", async () => {
    const { id } = await world.order(TEN);
    const whole = await get(zip(id, "part=2&partSize=35000"));
    await get(zip(id, "part=3&partSize=35000"));
    const rest = await get(zip(id, "part=2&partSize=35000"), { range: "bytes=100-" });
    expect([rest.status, rest.bytes.equals(whole.bytes.subarray(100))]).toEqual([206, true]);
  });
});
