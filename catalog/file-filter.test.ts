import { describe, expect, test } from "bun:test";
import type { FileType } from "#crds/files.ts";
import type { Selection } from "#crds/order.ts";
import type { FoundProduct } from "./catalogue.ts";
import { chooseFiles } from "./file-filter.ts";

const files: [FileType, string][] = [
  ["RAWDATA", "scene_B1.TIF"],
  ["RAWDATA", "scene_MTL.txt"],
  ["QUICKLOOK_SD", "scene_small.jpeg"],
  ["QUICKLOOK_HD", "scene_large.jpeg"],
];
const cases: Record<string, { selections: Selection[]; matched?: number[]; want: string[] }> = {
  "all files without a filter": { selections: [{ query: "*" }], want: files.map(([, name]) => name) },
  "files of the kinds asked": {
    selections: [{ query: "*", fileTypes: ["QUICKLOOK_SD", "QUICKLOOK_MD", "QUICKLOOK_HD"] }],
    want: ["scene_small.jpeg", "scene_large.jpeg"],
  },
  "files whose whole name matches": {
    selections: [{ query: "*", fileNamePattern: ".*\\.TIF" }],
    want: ["scene_B1.TIF"],
  },
  "nothing when only a part of the name matches": { selections: [{ query: "*", fileNamePattern: "scene" }], want: [] },
  "files that pass kind and name": {
    selections: [{ query: "*", fileTypes: ["RAWDATA"], fileNamePattern: ".*(small|MTL).*" }],
    want: ["scene_MTL.txt"],
  },
  "the union of what the matched selections admit": {
    selections: [
      { query: "a", fileTypes: ["QUICKLOOK_SD"] },
      { query: "b", fileNamePattern: ".*MTL.txt" },
    ],
    matched: [0, 1],
    want: ["scene_MTL.txt", "scene_small.jpeg"],
  },
  "nothing of a selection that does not match": {
    selections: [{ query: "a", fileTypes: ["QUICKLOOK_SD"] }, { query: "b" }],
    matched: [0],
    want: ["scene_small.jpeg"],
  },
};

describe("chooseFiles()", () => {
  for (const [name, { selections, matched = [0], want }] of Object.entries(cases)) {
    test(`keeps ${name}`, () =>
      expect(chooseFiles(product(matched), selections).map((file) => file.filename)).toEqual(want));
  }

  test("takes no more than linear time for a pattern made to explode", () => {
    const long = { ...product([0]), files: [{ ...product([0]).files[0]!, filename: `${"a".repeat(100_000)}b` }] };
    expect(chooseFiles(long, [{ query: "*", fileNamePattern: "(a+)+" }])).toEqual([]);
  });
});

function product(matched: number[]): FoundProduct {
  return {
    id: 1,
    urn: "URN:AIP:DATA:t:1:V1",
    providerId: "scene",
    version: 1,
    dataset: { urn: "URN:AIP:DATASET:t:1:V1", label: "d" },
    files: files.map(([type, filename]) => ({
      type,
      filename,
      uri: `file:///${filename}`,
      mimeType: "x/y",
      reference: false,
    })),
    matched,
  };
}
