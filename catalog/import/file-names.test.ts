import { describe, expect, test } from "bun:test";
import { isContainer, kindsOf, stemOf } from "./file-names.ts";

const stems: Record<string, string> = {
  "scene.tif": "scene",
  "scene.tif.aux.xml": "scene",
  "scene.tar.gz": "scene",
  "scene.nc.md5": "scene",
  "scene_thumb.png": "scene",
  "scene-quicklook.jpg": "scene",
  "scene.ql.jpg": "scene",
  "scene_thumb_large.jpeg": "scene",
  "model.v1.2.nc": "model.v1.2",
  "run.2024": "run.2024",
  README: "README",
  "thumb.png": "thumb",
  "a_thumb.tif": "a_thumb",
};
const kinds: Record<string, readonly [names: string[], want: string[]]> = {
  "pictures beside data": [
    ["a.tif", "a.jpg", "a_large.png"],
    ["RAWDATA", "QUICKLOOK_SD", "QUICKLOOK_HD"],
  ],
  "pictures of all sizes": [
    ["a.nc", "a_thumb_small.png", "a_thumb_large.png", "a_md.gif"],
    ["RAWDATA", "QUICKLOOK_SD", "QUICKLOOK_HD", "QUICKLOOK_MD"],
  ],
  "pictures alone": [
    ["a.jpg", "b.jpg"],
    ["RAWDATA", "RAWDATA"],
  ],
  "pictures beside descriptions only": [
    ["a.jpg", "a.xml", "a.txt"],
    ["RAWDATA", "RAWDATA", "RAWDATA"],
  ],
};

describe("stemOf()", () => {
  for (const [name, want] of Object.entries(stems))
    test(`of '${name}' is '${want}'`, () => expect(stemOf(name)).toBe(want));
});

describe("kindsOf()", () => {
  for (const [name, [names, want]] of Object.entries(kinds))
    test(`tells ${name}`, () => expect(kindsOf(names)).toEqual(want as never));
});

test("isContainer() knows formats that are folders", () => {
  expect(["S2A.SAFE", "x.zarr", "scene"].map(isContainer)).toEqual([true, true, false]);
});
