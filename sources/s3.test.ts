import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type SourceServer, sourceServer } from "#test/support/source-server.ts";
import { openSources } from "./open.ts";
import { objectAddress, s3Settings } from "./s3.ts";

const SETTINGS = {
  allowed_source_schemes: ["s3"],
  allowed_source_hosts: ["bucket"],
  allowed_private_networks: [],
  allowed_file_roots: [],
  max_file_bytes: 0,
};
const request = { offset: 0, turn: 0, signal: new AbortController().signal };

let server: SourceServer;
beforeAll(async () => {
  server = await sourceServer({ "/bucket/a/b%20c.tif": { bytes: new Uint8Array([1, 2, 3]) } });
});
afterAll(() => server.stop());

function source(env: Record<string, string> = {}) {
  return openSources(SETTINGS, { env: { ORDER_SOURCE_S3_ENDPOINT: server.url, ...env }, now: () => new Date() });
}

describe("objectAddress()", () => {
  test("objectAddress() names a public object plainly", () => {
    const address = objectAddress(
      new URL("s3://bucket/a/b%20c.tif"),
      s3Settings({ ORDER_SOURCE_S3_REGION: "eu-west-3" }),
    );
    expect(address).toBe("https://s3.eu-west-3.amazonaws.com/bucket/a/b%20c.tif");
  });
});

describe("s3Source()", () => {
  test("s3Source() fetches from the endpoint that the administrator configured, although it is private", async () => {
    const opened = await source().open("s3://bucket/a/b%20c.tif", request);
    expect(opened).toMatchObject({ kind: "bytes", total: 3 });
  });

  test("s3Source() signs with the keys that it has, and names the same object", async () => {
    const keys = { ORDER_SOURCE_S3_ACCESS_KEY_ID: "id", ORDER_SOURCE_S3_SECRET_ACCESS_KEY: "secret" };
    const opened = await source(keys).open("s3://bucket/a/b%20c.tif", request);
    expect(opened.kind).toBe("bytes");
    expect(server.requests.at(-1)?.path).toMatch(/^\/bucket\/a\/b%20c\.tif\?.*X-Amz-Signature=/);
  });

  test("s3Source() refuses a bucket out of the tenant's list", async () => {
    expect(await source().open("s3://other/a", request)).toMatchObject({ kind: "failed", permanent: true });
  });

  test("s3Source() shows no signature in a failure", async () => {
    const keys = { ORDER_SOURCE_S3_ACCESS_KEY_ID: "id", ORDER_SOURCE_S3_SECRET_ACCESS_KEY: "secret" };
    const opened = await source(keys).open("s3://bucket/none", request);
    expect(opened).toMatchObject({ kind: "failed", reason: expect.not.stringContaining("Signature") });
  });
});
