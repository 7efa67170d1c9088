/** What the S3 store does when the server is busy or connections break: a proxy in front of a real server makes that happen. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { temporaryFolder } from "#test/support/folder.ts";
import { type TestS3, testS3 } from "#test/support/s3.ts";
import type { BlobStore } from "./blob-store.ts";
import { s3BlobStore } from "./s3.ts";

const s3 = await testS3();
const folder = temporaryFolder("s3-store");
afterAll(async () => {
  await s3?.stop();
  folder.remove();
});

/** What the proxy does to the next requests of a method; when the list is empty it only passes on. */
type Fault = { readonly method: string; readonly kind: "busy" | "cut" };

describe.skipIf(!s3)("s3BlobStore()", () => {
  let faults: Fault[] = [];
  let requests: string[] = [];
  let proxy: Server;
  let blobs: BlobStore;
  beforeAll(async () => {
    proxy = await faultyProxy(s3 as TestS3, { next: takeFault, seen: (request) => requests.push(request) });
    blobs = store(8);
  });
  afterAll(() => proxy.close());
  beforeEach(() => {
    faults = [];
    requests = [];
  });

  function takeFault(method: string): Fault | undefined {
    const at = faults.findIndex((fault) => fault.method === method);
    return at < 0 ? undefined : faults.splice(at, 1)[0];
  }

  function store(tries: number, secretAccessKey = s3?.secretAccessKey ?? ""): BlobStore {
    const { bucket, accessKeyId } = s3 as TestS3;
    const endpoint = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    return s3BlobStore({
      ...{ bucket, prefix: "", endpoint, region: "us-east-1", accessKeyId, secretAccessKey, staging: folder.path },
      retry: { tries, firstPauseMs: 1 },
    });
  }

  async function put(bytes: Uint8Array): Promise<string> {
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const staging = await blobs.stage(sha256);
    await staging.write(bytes);
    await staging.commit(sha256);
    return sha256;
  }

  test("open() goes on where the connection broke off", async () => {
    const bytes = randomBytes(3_000_000);
    const sha256 = await put(bytes);
    faults = Array.from({ length: 5 }, () => ({ method: "GET", kind: "cut" as const }));
    const read = Buffer.from(await new Response(await blobs.open(sha256, { start: 10, end: 2_999_990 })).arrayBuffer());
    expect(read.equals(bytes.subarray(10, 2_999_990))).toBe(true);
    expect(faults).toEqual([]);
  });

  test("every request is tried again while the server says SlowDown", async () => {
    const bytes = randomBytes(1_000);
    faults = ["HEAD", "HEAD", "PUT", "PUT"].map((method) => ({ method, kind: "busy" as const }));
    const sha256 = await put(bytes);
    faults.push(...["HEAD", "HEAD", "GET", "GET"].map((method) => ({ method, kind: "busy" as const })));
    expect(Buffer.from(await new Response(await blobs.open(sha256)).arrayBuffer()).equals(bytes)).toBe(true);
    faults.push({ method: "GET", kind: "busy" });
    expect((await Array.fromAsync(blobs.list())).map((blob) => blob.sha256)).toContain(sha256);
    faults.push({ method: "DELETE", kind: "busy" });
    await blobs.remove(sha256);
    expect(await blobs.size(sha256)).toBeUndefined();
    expect(faults).toEqual([]);
  });

  test("it gives up after the tries that it has", async () => {
    faults = Array.from({ length: 9 }, () => ({ method: "HEAD", kind: "busy" as const }));
    await expect(store(3).size("0".repeat(64))).rejects.toThrow("status 503");
    expect(faults).toHaveLength(6);
  });

  test("a refused key is not tried again", async () => {
    await expect(store(3, "wrong").size("0".repeat(64))).rejects.toThrow("status 403");
    expect(requests).toHaveLength(1);
  });

  test("a large upload is sent in parts, and a stored blob is not sent again", async () => {
    const bytes = randomBytes(20_000_000);
    await put(bytes);
    expect(requests.filter((request) => request.startsWith("PUT") && request.includes("partNumber"))).toHaveLength(3);
    requests = [];
    await put(bytes);
    expect(requests.map((request) => request.split(" ")[0])).toEqual(["HEAD"]);
  });

  test("open() reads no further than its reader", async () => {
    const sha256 = await put(randomBytes(20_000_000));
    const reader = (await blobs.open(sha256)).getReader();
    await reader.read();
    await reader.cancel();
    expect(requests.filter((request) => request.startsWith("GET"))).toHaveLength(1);
  });
});

/** Passes requests on to the server; the signature covers the Host header, which stays. On node:http, because it can break off a response. */
async function faultyProxy(
  server: TestS3,
  o: { next: (method: string) => Fault | undefined; seen: (request: string) => void },
): Promise<Server> {
  const proxy = createServer(async (request, response) => {
    const { method = "", url = "", headers } = request;
    o.seen(`${method} ${url}`);
    const fault = o.next(method);
    if (fault?.kind === "busy") {
      response.writeHead(503).end("<Error><Code>SlowDown</Code><Message>Reduce your rate</Message></Error>");
      return;
    }
    const body = method === "PUT" || method === "POST" ? Buffer.concat(await Readable.from(request).toArray()) : null;
    const answer = await fetch(server.endpoint + url, { method, headers: headers as Record<string, string>, body });
    const bytes = Buffer.from(await answer.arrayBuffer());
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    if (fault?.kind === "cut") response.write(bytes.subarray(0, 100_000), () => response.destroy());
    else response.end(bytes);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return proxy;
}
