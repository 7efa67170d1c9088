import { describe, expect, test } from "bun:test";
import { CryptoHasher } from "bun";
import fc from "fast-check";
import { expectedChecksum, type HashName } from "./checksum.ts";

const DATA = "the bytes of a file";
const hex = (algorithm: HashName) => new CryptoHasher(algorithm).update(DATA).digest("hex");

describe("expectedChecksum()", () => {
  const cases: Record<string, { checksum?: string; algorithm?: string; want: HashName | "none" | "unknown" }> = {
    "no checksum": { want: "none" },
    "an empty checksum": { checksum: " ", algorithm: "MD5", want: "none" },
    "MD5 by name": { checksum: hex("md5"), algorithm: "MD5", want: "md5" },
    "SHA-256 with a dash": { checksum: hex("sha256").toUpperCase(), algorithm: "SHA-256", want: "sha256" },
    "SHA-1 in lower case": { checksum: hex("sha1"), algorithm: "sha1", want: "sha1" },
    "SHA-512 without a name": { checksum: hex("sha512"), want: "sha512" },
    "a multihash of SHA-256": { checksum: `1220${hex("sha256")}`, algorithm: "multihash", want: "sha256" },
    "a multihash of SHA-512 without a name": { checksum: `1340${hex("sha512")}`, want: "sha512" },
    "a multihash of MD5 (two-byte code)": { checksum: `d50110${hex("md5")}`, want: "md5" },
    "a multihash of BLAKE2b-256 (three-byte code)": { checksum: `a0e40220${hex("blake2b256")}`, want: "blake2b256" },
    "a multihash below the name of its algorithm": {
      checksum: `1220${hex("sha256")}`,
      algorithm: "SHA256",
      want: "sha256",
    },
    base64: { checksum: Buffer.from(hex("md5"), "hex").toString("base64"), algorithm: "MD5", want: "md5" },
    "an algorithm that nobody knows": { checksum: "deadbeef", algorithm: "CRC-64", want: "unknown" },
    "a digest of the wrong length": { checksum: hex("md5"), algorithm: "SHA-256", want: "unknown" },
  };
  for (const [name, { checksum, algorithm, want }] of Object.entries(cases)) {
    test(`expectedChecksum() reads ${name}`, () => {
      const got = expectedChecksum(checksum, algorithm);
      if (want === "none" || want === "unknown") expect(got.kind).toBe(want);
      else expect(got).toEqual({ kind: "digest", algorithm: want, hex: hex(want) });
    });
  }

  test("expectedChecksum() never throws", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.base64String()),
        fc.option(fc.string(), { nil: undefined }),
        (text, name) => {
          expect(["none", "digest", "unknown"]).toContain(expectedChecksum(text, name).kind);
        },
      ),
    );
  });
});
