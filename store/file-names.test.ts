import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { safeName, uniqueNames } from "./file-names.ts";

describe("safeName()", () => {
  const cases: Record<string, { name: string; want: string }> = {
    "keeps a plain name": { name: "S2A_MSIL1C.zip", want: "S2A_MSIL1C.zip" },
    "keeps other scripts": { name: "été 衛星.tif", want: "été 衛星.tif" },
    "drops folders": { name: "a/b/c.txt", want: "c.txt" },
    "drops parents": { name: "../../etc/passwd", want: "passwd" },
    "drops a Windows path": { name: "C:\\temp\\x.bin", want: "x.bin" },
    "drops a drive": { name: "C:x.bin", want: "C_x.bin" },
    "names what is only dots": { name: "..", want: "file" },
    "names what is empty": { name: "", want: "file" },
    "replaces control characters": { name: "a\u0000b\nc.txt", want: "a_b_c.txt" },
    "replaces direction marks": { name: "txt.\u202eexe.txt", want: "txt._exe.txt" },
    "drops dots at the end": { name: "a. . ", want: "a" },
    "keeps a leading dot": { name: ".hidden", want: ".hidden" },
    "marks a device name": { name: "con.txt", want: "_con.txt" },
  };
  for (const [label, { name, want }] of Object.entries(cases)) test(label, () => expect(safeName(name)).toBe(want));

  test("is a usable file name whatever comes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), (name) => {
        const safe = safeName(name);
        expect(safe).not.toMatch(/[/\\:\p{Cc}]/u);
        expect(["", ".", ".."]).not.toContain(safe);
        expect(Buffer.byteLength(safe)).toBeLessThanOrEqual(255);
      }),
    );
  });

  test("keeps the extension of a name that is too long", () => {
    expect(safeName(`${"é".repeat(300)}.tif`)).toEndWith("é.tif");
  });
});

describe("uniqueNames()", () => {
  test("numbers what comes again before the last dot", () => {
    const unique = uniqueNames();
    expect(["a.tar.gz", "a.tar.gz", "b", "b", "a.tar (1).gz", "a.tar.gz", ".x", ".x"].map(unique)).toEqual([
      "a.tar.gz",
      "a.tar (1).gz",
      "b",
      "b (1)",
      "a.tar (1) (1).gz",
      "a.tar (2).gz",
      ".x",
      ".x (1)",
    ]);
  });

  test("tells names apart that differ in case only", () => {
    const unique = uniqueNames();
    expect(["A.txt", "a.txt"].map(unique)).toEqual(["A.txt", "a (1).txt"]);
  });

  test("stays quick when one name comes a hundred thousand times", () => {
    const unique = uniqueNames();
    const names = new Set(Array.from({ length: 100_000 }, () => unique("a.txt")));
    expect(names.size).toBe(100_000);
  });
});
