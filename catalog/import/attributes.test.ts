import { describe, expect, test } from "bun:test";
import { readAttributes } from "./attributes.ts";
import { readMultihash } from "./multihash.ts";
import { datasetUrn, productUrn } from "./urn.ts";

const ignore = () => {};

describe("readAttributes()", () => {
  test("gives every value a list, a full name and a type", () => {
    const { properties, types } = readAttributes(
      {
        "eo:cloud_cover": 54.65,
        n: 3,
        ok: false,
        at: "2015-07-10",
        name: "x",
        list: ["a", "b"],
        deep: { level: 1 },
        none: null,
        empty: [],
      },
      ignore,
    );
    expect(properties).toEqual({
      "eo:cloud_cover": [54.65],
      n: [3],
      ok: [false],
      at: ["2015-07-10T00:00:00.000000Z"],
      name: ["x"],
      list: ["a", "b"],
      "deep.level": [1],
    });
    expect(Object.fromEntries(types.map(({ name, type }) => [name, type]))).toEqual({
      "eo:cloud_cover": "double",
      n: "integer",
      ok: "boolean",
      at: "date",
      name: "string",
      list: "string",
      "deep.level": "integer",
    });
  });

  test("gathers objects in lists", () => {
    const { properties } = readAttributes({ bands: [{ name: "B1", gsd: 30 }, { name: "B2" }] }, ignore);
    expect(properties).toEqual({ "bands.name": ["B1", "B2"], "bands.gsd": [30] });
  });

  test("names every type of a list", () => {
    const { types } = readAttributes({ mixed: [1, "one", 1.5] }, ignore);
    expect(types.map(({ type }) => type).sort()).toEqual(["double", "integer", "string"]);
  });

  test("cleans texts that a database cannot keep", () => {
    expect(readAttributes({ "a\0": "b\0c\ud800" }, ignore).properties).toEqual({ "a ": ["b c\ufffd"] });
  });

  test("leaves out what is too much, with a warning", () => {
    const warnings: string[] = [];
    const { properties, types } = readAttributes(
      { long: "x".repeat(9000), many: Array.from({ length: 300 }, (_, index) => index), fine: 1 },
      (message) => warnings.push(message),
    );
    expect(properties).toEqual({ fine: [1] });
    expect(types).toEqual([{ name: "fine", type: "integer" }]);
    expect(warnings).toEqual([
      "A value of 'long' was left out: it is too long or no number",
      "Attribute 'many' was left out: it has more than 256 values",
    ]);
  });

  test("ends on an endless nesting", () => {
    let nested: Record<string, unknown> = { end: 1 };
    for (let depth = 0; depth < 10_000; depth++) nested = { a: nested };
    expect(readAttributes(nested, ignore).properties).toEqual({});
  });
});

const SHA256 = "7ec208551278a8bfdaab4389cb3236d787f856e09fe8164222d8d5736b1ac8dc";
const multihashes: Record<string, readonly [text: string, want: ReturnType<typeof readMultihash>]> = {
  "SHA-256": [`1220${SHA256}`, { checksum: SHA256, algorithm: "SHA-256" }],
  "upper case": [`1220${SHA256.toUpperCase()}`, { checksum: SHA256, algorithm: "SHA-256" }],
  "MD5, of a code of two bytes": [`d50110${"ab".repeat(16)}`, { checksum: "ab".repeat(16), algorithm: "MD5" }],
  "SHA-1": [`1114${"01".repeat(20)}`, { checksum: "01".repeat(20), algorithm: "SHA-1" }],
  "a digest that is too short": [`1220${SHA256.slice(2)}`, undefined],
  "an unknown code": [`1e20${SHA256}`, undefined],
  "a plain digest": [SHA256, undefined],
  "no hexadecimal": ["sha256:xyz", undefined],
  nothing: ["", undefined],
};

describe("readMultihash()", () => {
  for (const [name, [text, want]] of Object.entries(multihashes)) {
    test(`reads ${name}`, () => expect(readMultihash(text)).toEqual(want));
  }
});

describe("productUrn()", () => {
  test("follows from dataset, id and version alone", () => {
    const product = { dataset: "d", providerId: "p", version: 2 };
    expect(productUrn("t", product)).toBe(productUrn("t", { ...product }));
    expect(productUrn("t", product)).toMatch(
      /^URN:AIP:DATA:t:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}:V2$/,
    );
    expect(
      new Set(
        [product, { ...product, dataset: "e" }, { ...product, providerId: "q" }].map((one) => productUrn("t", one)),
      ).size,
    ).toBe(3);
    expect(datasetUrn("t", "d")).toMatch(/^URN:AIP:DATASET:t:.*:V1$/);
  });
});
