import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { addressAllowed, checkUri, hostMatches, type SourceSettings, safeUri } from "./rules.ts";

const OPEN: SourceSettings = {
  allowed_source_schemes: ["http", "https", "s3", "file"],
  allowed_source_hosts: ["*"],
  allowed_private_networks: [],
  allowed_file_roots: [],
  max_file_bytes: 0,
};

describe("checkUri()", () => {
  const cases: Record<string, { uri: string; settings?: Partial<SourceSettings>; wantReason?: RegExp }> = {
    "an ordinary address": { uri: "https://data.example.org/a.tif" },
    "an object": { uri: "s3://bucket/a/b.tif" },
    "text that is no URI": { uri: "not a uri", wantReason: /no URI/ },
    "an unknown scheme": { uri: "gopher://x/1", wantReason: /scheme 'gopher' is not allowed/ },
    "a scheme that the tenant took away": {
      uri: "http://a/1",
      settings: { allowed_source_schemes: ["https"] },
      wantReason: /scheme 'http' is not allowed/,
    },
    "a host out of the list": {
      uri: "https://evil.example/1",
      settings: { allowed_source_hosts: ["*.example.org"] },
      wantReason: /host 'evil.example' is not allowed/,
    },
    "a host below a listed domain": {
      uri: "https://a.b.example.org/1",
      settings: { allowed_source_hosts: ["*.example.org"] },
    },
    "a file with a host": { uri: "file://server/share/x", wantReason: /must not name a host/ },
    "a file with an escaped slash": { uri: "file:///data/..%2Fetc/passwd", wantReason: /escaped separator/ },
    "a file with a null byte": { uri: "file:///data/x%00.tif", wantReason: /escaped separator/ },
  };
  for (const [name, { uri, settings, wantReason }] of Object.entries(cases)) {
    test(`checkUri() ${wantReason ? "refuses" : "admits"} ${name}`, () => {
      const verdict = checkUri(uri, { ...OPEN, ...settings });
      if (wantReason) expect(verdict).toMatchObject({ kind: "refused", reason: expect.stringMatching(wantReason) });
      else expect(verdict.kind).toBe("allowed");
    });
  }

  test("checkUri() never throws, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.string().map((text) => `file:///${text}`),
        ),
        (uri) => {
          expect(["allowed", "refused"]).toContain(checkUri(uri, OPEN).kind);
        },
      ),
    );
  });
});

describe("safeUri()", () => {
  test("safeUri() shows neither password nor query", () => {
    const shown = safeUri("https://user:secret@h.example/a?X-Signature=secret");
    expect(shown).not.toContain("secret");
    expect(shown).toBe("https://h.example/a?…");
  });
});

describe("hostMatches()", () => {
  test("hostMatches() compares names without case and without a final dot", () => {
    expect(hostMatches("Data.Example.ORG.", "data.example.org")).toBe(true);
  });
  test("hostMatches() does not take a suffix for a domain", () => {
    expect(hostMatches("notexample.org", "*.example.org")).toBe(false);
    expect(hostMatches("example.org", "*.example.org")).toBe(false);
  });
});

describe("addressAllowed()", () => {
  const at = { host: "minio.internal", port: 9000 };
  const cases: Record<string, { address: string; allowed: string[]; want: boolean }> = {
    "a public address": { address: "93.184.216.34", allowed: [], want: true },
    "a private address": { address: "10.1.2.3", allowed: [], want: false },
    "an allowed network": { address: "10.1.2.3", allowed: ["10.0.0.0/8"], want: true },
    "another private network": { address: "192.168.0.1", allowed: ["10.0.0.0/8"], want: false },
    "an allowed single address": { address: "127.0.0.1", allowed: ["127.0.0.1"], want: true },
    "a mapped form of an allowed network": { address: "::ffff:10.1.2.3", allowed: ["10.0.0.0/8"], want: true },
    "an allowed endpoint": { address: "10.1.2.3", allowed: ["minio.internal:9000"], want: true },
    "an allowed endpoint on another port": { address: "10.1.2.3", allowed: ["minio.internal:9001"], want: false },
    "something that is no address": { address: "minio.internal", allowed: ["*"], want: false },
  };
  for (const [name, { address, allowed, want }] of Object.entries(cases)) {
    test(`addressAllowed() says ${want} to ${name}`, () => {
      expect(addressAllowed(address, at, allowed)).toBe(want);
    });
  }

  test("addressAllowed() lets no private IPv4 address through in any spelling without a rule", () => {
    const octet = fc.integer({ min: 0, max: 255 });
    fc.assert(
      fc.property(fc.constantFrom("10", "127", "0"), octet, octet, octet, (a, b, c, d) => {
        for (const form of [`${a}.${b}.${c}.${d}`, `::ffff:${a}.${b}.${c}.${d}`, `[::ffff:${a}.${b}.${c}.${d}]`]) {
          expect(addressAllowed(form, at, [])).toBe(false);
        }
      }),
    );
  });
});
