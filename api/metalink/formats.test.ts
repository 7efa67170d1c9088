import { expect, test } from "bun:test";
import fc from "fast-check";
import { chooseFormat } from "./choose.ts";
import { MANIFEST } from "./manifest.ts";
import { METALINK3 } from "./metalink3.ts";
import { METALINK4 } from "./metalink4.ts";
import { escapeXml } from "./xml.ts";

const accepts: Record<string, [accept: string | null, version: 3 | 4]> = {
  "nothing said": [null, 3],
  anything: ["*/*", 3],
  "version 4 alone": ["application/metalink4+xml", 4],
  "version 4 in other letters, with a parameter": ["Application/Metalink4+XML; charset=utf-8", 4],
  "version 3 before version 4": ["application/metalink+xml, application/metalink4+xml;q=0.9", 3],
  "both alike": ["application/metalink4+xml, application/metalink+xml", 3],
  "version 4 refused": ["application/metalink4+xml;q=0", 3],
};
for (const [name, [accept, version]] of Object.entries(accepts)) {
  test(`chooseFormat() takes version ${version} for ${name}`, () => {
    expect(chooseFormat(null, accept)).toBe(version === 4 ? METALINK4 : METALINK3);
  });
}

test("chooseFormat() refuses names that every object has", () => {
  expect(() => chooseFormat("constructor", null)).toThrow("format: expected one of");
});

test("escapeXml() leaves nothing that XML would read or refuse, and loses no character that it can hold", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const escaped = escapeXml(text);
      expect(escaped).not.toMatch(/[<>"']|&(?!(?:amp|lt|gt|quot|apos|#\d+);)/);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(escaped).not.toMatch(/[\u0000-\u001f\ufffe\uffff]/);
      const named: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
      const read = escaped.replaceAll(
        /&(?:#(\d+)|(\w+));/g,
        (_, code, name) => named[name] ?? String.fromCharCode(code),
      );
      expect(read.length).toBe(text.toWellFormed().length);
    }),
  );
});

test("the manifest keeps a line a line", () => {
  const file = {
    name: "50 %\n.txt",
    identity: "",
    mimeType: "",
    url: "",
    hash: { algorithm: "sha-256", value: "ab" },
  } as const;
  expect(MANIFEST.entry(file)).toBe("ab  data/50 %25%0A.txt\n");
});
