/** Files of which only the address is known, streamed through from a real source: in the zip, and one by one. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeSetting } from "#store/settings.ts";
import { ADA, type ApiWorld, apiWorld, PREFIX, PUBLIC_URL } from "#test/support/api-world.ts";
import { eventually } from "#test/support/eventually.ts";
import { readZip } from "#test/support/read-zip.ts";
import { type SourceServer, sourceServer } from "#test/support/source-server.ts";
import { type Served, serveApi } from "../http/serve.ts";

const BIG = Buffer.alloc(3_000_000, "0123456789");

let world: ApiWorld;
let served: Served;
let source: SourceServer;
let bearer: Record<string, string>;
beforeAll(async () => {
  world = await apiWorld("api_references");
  source = await sourceServer();
  served = await serveApi(world.app, { host: "127.0.0.1", port: 0 });
  bearer = { authorization: `Bearer ${await world.token(ADA)}` };
  await writeSetting(world.db, "allowed_private_networks", ["127.0.0.0/8"]);
});
beforeEach(() => {
  source.files.clear();
  source.files.set("/a.tif", { bytes: Buffer.from("far away"), etag: '"v1"' });
  source.files.set("/big.tif", { bytes: BIG, etag: '"v1"' });
});
afterAll(async () => {
  source.stop();
  await served.stop({ withinMs: 500 });
  await world.close();
});

function call(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> {
  return fetch(served.url + PREFIX + path, { method, headers: { ...bearer, ...headers } });
}

const zip = (id: number) => `/user/orders/${id}/download`;
const single = (id: number | undefined) => `/orders/files/${id}`;
const far = (name: string, catalogued = {}) => ({ name, reference: `${source.url}/${name}`, subOrder: 2, catalogued });
const NEAR = { name: "near.txt", content: "near" };

async function unzipped(path: string) {
  const response = await call(path);
  return { response, entries: readZip(new Uint8Array(await response.arrayBuffer())) };
}

function statesAre(id: number, want: readonly string[]) {
  return eventually(`the files are ${want.join(", ")}`, async () => Bun.deepEquals(await world.states(id), [...want]));
}

describe("O11 zip with references", () => {
  test("they are in it beside what is stored, without length, tag or ranges, and all are marked", async () => {
    const sha256 = createHash("sha256").update(BIG).digest("hex");
    const catalogued = { size: BIG.length, checksum: sha256, algorithm: "SHA-256" };
    const { id } = await world.order([NEAR, far("a.tif"), far("big.tif", catalogued)]);
    const { response, entries } = await unzipped(zip(id));
    expect(response.status).toBe(200);
    expect(["content-length", "etag", "accept-ranges"].map((name) => response.headers.get(name))).toEqual([
      null,
      null,
      "none",
    ]);
    expect(entries).toEqual({ "near.txt": "near", "a.tif": "far away", "big.tif": BIG.toString() });
    await statesAre(id, ["DOWNLOADED", "DOWNLOADED", "DOWNLOADED"]);
    expect((await call(zip(id))).status).toBe(204);
  });

  test("a range is answered with the whole, HEAD with the same head, and HEAD fetches nothing", async () => {
    const { id } = await world.order([NEAR, far("a.tif")]);
    const before = source.requests.length;
    const head = await call(zip(id), {}, "HEAD");
    expect([head.status, head.headers.get("content-length"), source.requests.length]).toEqual([200, null, before]);
    expect((await call(zip(id), { range: "bytes=10-" })).status).toBe(200);
  });

  test("testDownloadZipFile_contains_notice_when_inner_downloads_fail: what fails is told in NOTICE.txt and notice.json with product, reason and the source's status", async () => {
    const { id, files } = await world.order([NEAR, far("a.tif"), far("gone.tif", { providerId: "LC08" })]);
    const { entries } = await unzipped(zip(id));
    expect(Object.keys(entries)).toEqual(["near.txt", "a.tif", "NOTICE.txt", "notice.json"]);
    expect(entries["NOTICE.txt"]).toBe("Failed to download file (gone.tif): Server returned HTTP error code 404.\n");
    expect(JSON.parse(entries["notice.json"] ?? "")).toEqual({
      orderId: id,
      failed: [
        {
          fileId: files[2],
          file: "gone.tif",
          fileType: "RAWDATA",
          product: "LC08",
          productUrn: "URN:product:1",
          dataset: "Dataset",
          datasetUrn: "URN:D",
          reference: true,
          reason: "Server returned HTTP error code 404",
          sourceStatus: 404,
          downloadUrl: `${PUBLIC_URL}${PREFIX}/orders/files/${files[2]}`,
        },
      ],
    });
    await statesAre(id, ["DOWNLOADED", "DOWNLOADED", "DOWNLOAD_ERROR"]);
  });

  test("a transfer that breaks goes on where it was", async () => {
    source.files.set("/big.tif", { bytes: BIG, etag: '"v1"', cut: { after: 1_000_000, times: 1 } });
    const { id } = await world.order([far("big.tif")]);
    expect((await unzipped(zip(id))).entries).toEqual({ "big.tif": BIG.toString() });
    await statesAre(id, ["DOWNLOADED"]);
  });

  test("one that breaks for good leaves what came, is told, and what follows is there", async () => {
    source.files.set("/big.tif", { bytes: BIG, cut: { after: 1_000_000, times: 9 } });
    const { id } = await world.order([far("big.tif"), far("a.tif")]);
    const { entries } = await unzipped(zip(id));
    expect(Object.keys(entries)).toEqual(["big.tif", "a.tif", "NOTICE.txt", "notice.json"]);
    expect(entries["big.tif"]).toBe(BIG.toString("latin1", 0, 1_000_000));
    expect(entries["NOTICE.txt"]).toBe(
      `Failed to download file (big.tif): Cannot completely download data file from storage, only 1000000/${BIG.length} bytes.\n`,
    );
    expect(JSON.parse(entries["notice.json"] ?? "").failed[0].incompleteEntry).toBe("big.tif");
    await statesAre(id, ["DOWNLOAD_ERROR", "DOWNLOADED"]);
  });

  const differing = {
    "another size than catalogued": {
      catalogued: { size: 7 },
      reason: /^Size differs: the catalogue says 7 bytes, the source has 8$/,
    },
    "another checksum": {
      catalogued: { checksum: "0".repeat(32), algorithm: "MD5" },
      reason: /^Checksum differs: the catalogue says MD5 0+, the source sent [0-9a-f]{32}$/,
    },
  };
  for (const [what, { catalogued, reason }] of Object.entries(differing)) {
    test(`a file of ${what} is told and not taken for good`, async () => {
      const { id } = await world.order([far("a.tif", catalogued)]);
      const { entries } = await unzipped(zip(id));
      expect(JSON.parse(entries["notice.json"] ?? "").failed[0].reason).toMatch(reason);
      await statesAre(id, ["DOWNLOAD_ERROR"]);
    });
  }

  test("what the settings do not allow is told, never fetched", async () => {
    const folder = await mkdtemp(join(tmpdir(), "references-"));
    await writeFile(join(folder, "secret"), "secret");
    const { id } = await world.order([NEAR, { name: "secret", reference: `file://${folder}/secret`, subOrder: 2 }]);
    const { entries } = await unzipped(zip(id));
    await rm(folder, { recursive: true });
    expect(entries["secret"]).toBeUndefined();
    expect(entries["NOTICE.txt"]).toContain("it is not below an allowed folder");
  });

  test("a client that goes away marks nothing and ends the fetch", async () => {
    source.files.set("/big.tif", { bytes: BIG, pace: { pieceBytes: 100_000, everyMs: 20 } });
    const { id } = await world.order([NEAR, far("big.tif")]);
    const stop = new AbortController();
    const response = await fetch(served.url + PREFIX + zip(id), { headers: bearer, signal: stop.signal });
    const reader = response.body!.getReader();
    for (let size = 0; size < 300_000; ) size += (await reader.read()).value?.length ?? 0;
    const before = source.sent();
    stop.abort();
    await eventually("nothing more is fetched", async () => {
      const sent = source.sent();
      await Bun.sleep(200);
      return source.sent() === sent;
    });
    expect(source.sent() - before).toBeLessThan(2_000_000);
    expect(await world.states(id)).toEqual(["AVAILABLE", "AVAILABLE"]);
  });
});

describe("F4 reference", () => {
  test("P16: it is passed on with its length and tag, and counts as downloaded; HEAD marks nothing", async () => {
    const { id, files } = await world.order([far("a.tif")]);
    const head = await call(single(files[0]), {}, "HEAD");
    expect([head.status, head.headers.get("content-length"), head.headers.get("etag")]).toEqual([200, "8", '"v1"']);
    expect(await world.states(id)).toEqual(["AVAILABLE"]);
    const whole = await call(single(files[0]));
    expect([whole.status, whole.headers.get("content-disposition")]).toEqual([200, 'attachment; filename="a.tif"']);
    expect(await whole.text()).toBe("far away");
    await statesAre(id, ["DOWNLOADED"]);
  });

  test("a range goes to the source; parts complete it, a part alone does not", async () => {
    const { id, files } = await world.order([far("big.tif")]);
    const end = await call(single(files[0]), { range: "bytes=1000000-", "if-range": '"v1"' });
    expect([end.status, end.headers.get("content-range")]).toEqual([206, `bytes 1000000-2999999/3000000`]);
    expect(Buffer.from(await end.arrayBuffer()).equals(BIG.subarray(1_000_000))).toBe(true);
    expect(source.requests.at(-1)).toMatchObject({ range: "bytes=1000000-", ifRange: '"v1"' });
    const middle = await call(single(files[0]), { range: "bytes=10-19" });
    expect([middle.status, await middle.text()]).toEqual([206, "0123456789"]);
    expect(source.requests.at(-1)?.range).toBe("bytes=10-19");
    expect(await world.states(id)).toEqual(["AVAILABLE"]);
    const start = await call(single(files[0]), { range: "bytes=0-999999" });
    expect([start.status, (await start.arrayBuffer()).byteLength]).toEqual([206, 1_000_000]);
    await statesAre(id, ["DOWNLOADED"]);
  });

  test("a version that changed comes whole", async () => {
    const { files } = await world.order([far("a.tif")]);
    const response = await call(single(files[0]), { range: "bytes=4-", "if-range": '"v0"' });
    expect([response.status, await response.text()]).toEqual([200, "far away"]);
  });

  test("304 where the client has it, 416 beyond its end", async () => {
    const { files } = await world.order([far("a.tif")]);
    expect((await call(single(files[0]), { "if-none-match": '"v1"' })).status).toBe(304);
    expect((await call(single(files[0]), { range: "bytes=100-" })).status).toBe(416);
  });

  const failing = {
    "404 of the source": { answer: 404, status: 404, state: "DOWNLOAD_ERROR" },
    "410 of the source": { answer: 410, status: 410, state: "DOWNLOAD_ERROR" },
    "429 of the source": { answer: 429, status: 429, state: "AVAILABLE" },
    "503 of the source": { answer: 503, status: 503, state: "AVAILABLE" },
    "403 of the source": { answer: 403, status: 502, state: "AVAILABLE" },
    "202 of the source": { answer: 202, status: 202, state: "AVAILABLE" },
  };
  for (const [what, { answer, status, state }] of Object.entries(failing)) {
    test(`${what} is answered ${status}`, async () => {
      source.files.set("/a.tif", {
        bytes: Buffer.from(""),
        first: Array.from({ length: 9 }, () => ({ status: answer, headers: { "retry-after": "7" } })),
      });
      const { id, files } = await world.order([far("a.tif")]);
      const response = await call(single(files[0]));
      expect(response.status).toBe(status);
      expect(await response.json()).toEqual({ messages: [expect.stringContaining(`answered ${answer}`)] });
      if ([202, 429, 503].includes(status)) expect(response.headers.get("retry-after")).toBe("7");
      expect(await world.states(id)).toEqual([state]);
    });
  }

  test("502 where it cannot be reached, 422 where it must not", async () => {
    const { files } = await world.order([
      { name: "dead", reference: "http://127.0.0.1:1/dead" },
      { name: "file", reference: "file:///etc/passwd" },
      { name: "inside", reference: "http://10.0.0.1/inside" },
    ]);
    const statuses = await Promise.all(files.map(async (id) => (await call(single(id))).status));
    expect(statuses).toEqual([502, 422, 422]);
  });

  test("a source that breaks for good cuts the connection and marks nothing", async () => {
    source.files.set("/big.tif", { bytes: BIG, cut: { after: 1_000_000, times: 9 } });
    const { id, files } = await world.order([far("big.tif")]);
    const response = await call(single(files[0]));
    await expect(response.arrayBuffer()).rejects.toThrow();
    expect(await world.states(id)).toEqual(["AVAILABLE"]);
  });
});
