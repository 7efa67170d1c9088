/** Downloads asked in-process; how they travel over a connection is in served.test.ts. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { reportFiles } from "#store/files.ts";
import { type ApiWorld, apiWorld, type TestFile } from "#test/support/api-world.ts";
import { eventually } from "#test/support/eventually.ts";
import { readZip } from "#test/support/read-zip.ts";

let world: ApiWorld;
beforeAll(async () => {
  world = await apiWorld("api_download");
});
afterAll(() => world.close());

const zip = (id: number) => `GET /user/orders/${id}/download`;

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}

async function get(route: string, headers: Record<string, string> = {}) {
  const response = await world.call(route, { headers });
  return { status: response.status, headers: response.headers, bytes: await bytesOf(response) };
}

function statesAre(id: number, want: readonly string[]) {
  return eventually(`the files are ${want.join(", ")}`, async () => Bun.deepEquals(await world.states(id), [...want]));
}

const TWO: readonly TestFile[] = [
  { name: "a.txt", content: "content of a" },
  { name: "b.txt", content: "content of b" },
];

describe("O11 zip", () => {
  test("holds the available files, has an exact length, and marks them (P15)", async () => {
    const { id } = await world.order([...TWO, { name: "pending" }, { name: "failed", error: "gone" }]);
    const { status, headers, bytes } = await get(zip(id));
    expect(status).toBe(200);
    expect(readZip(bytes)).toEqual({ "a.txt": "content of a", "b.txt": "content of b" });
    expect(headers.get("content-length")).toBe(`${bytes.length}`);
    expect(headers.get("content-type")).toBe("application/octet-stream");
    expect(headers.get("accept-ranges")).toBe("bytes");
    expect(headers.get("content-disposition")).toBe(`attachment; filename="order_${id}_2026-11-20T10_20_30.000Z.zip"`);
    await statesAre(id, ["DOWNLOADED", "DOWNLOADED", "PENDING", "ERROR"]);
  });

  test("204 when nothing is available, and again when all was downloaded; ?all=true gives it once more", async () => {
    const { id } = await world.order(TWO);
    const first = await get(zip(id));
    await statesAre(id, ["DOWNLOADED", "DOWNLOADED"]);
    const second = await get(zip(id));
    expect([second.status, second.bytes.length]).toEqual([204, 0]);
    expect((await get(`${zip(id)}?all=true`)).bytes.equals(first.bytes)).toBe(true);
    expect((await get(zip((await world.order([{ name: "c" }])).id))).status).toBe(204);
  });

  test("is the same bytes at another time, from another server", async () => {
    const { id } = await world.order(TWO);
    const first = await get(zip(id));
    world.clock.now = new Date(world.clock.now.getTime() + 3600_000);
    const again = await bytesOf(await world.restarted().handle(await world.request(`${zip(id)}?all=true`)));
    expect(again.equals(first.bytes)).toBe(true);
  });

  test("names: same name numbered, same file once, nothing unsafe", async () => {
    const { id } = await world.order([
      { name: "a.txt", content: "one" },
      { name: "a.txt", content: "two" },
      { name: "a.txt", content: "one" },
      { name: "../../etc/passwd", content: "three" },
      { name: "C:\\x\\y.txt", content: "four" },
      { name: "..", content: "five" },
      { name: "line\nbreak", content: "six" },
    ]);
    expect(readZip((await get(zip(id))).bytes)).toEqual({
      "a.txt": "one",
      "a (1).txt": "two",
      passwd: "three",
      "y.txt": "four",
      file: "five",
      line_break: "six",
    });
    await statesAre(
      id,
      Array.from({ length: 7 }, () => "DOWNLOADED"),
    );
  });

  test("a file whose bytes are gone is told in NOTICE.txt and marked, the others come", async () => {
    const { id, files } = await world.order([...TWO, { name: "NOTICE.txt", content: "mine" }]);
    await world.blobs.remove(createHash("sha256").update("content of a").digest("hex"));
    expect(readZip((await get(zip(id))).bytes)).toEqual({
      "b.txt": "content of b",
      "NOTICE (1).txt": "mine",
      "NOTICE.txt": "Failed to download file (a.txt): Its stored bytes are gone, retry the order to fetch it again.\n",
      "notice.json": expect.stringContaining('"product": "product-0"'),
    });
    await statesAre(id, ["DOWNLOAD_ERROR", "DOWNLOADED", "DOWNLOADED"]);
    expect(files).toHaveLength(3);
  });

  test("HEAD tells length and tag of the GET that follows, and marks nothing", async () => {
    const { id } = await world.order(TWO);
    const head = await get(`HEAD /user/orders/${id}/download`);
    expect([head.status, head.bytes.length]).toEqual([200, 0]);
    expect(await world.states(id)).toEqual(["AVAILABLE", "AVAILABLE"]);
    const whole = await get(zip(id));
    for (const name of ["etag", "content-length", "content-disposition"]) {
      expect(head.headers.get(name)).toBe(whole.headers.get(name));
    }
  });

  test("If-None-Match answers 304 and marks nothing", async () => {
    const { id } = await world.order(TWO);
    const etag = (await get(`HEAD /user/orders/${id}/download`)).headers.get("etag") ?? "";
    expect((await get(zip(id), { "if-none-match": etag })).status).toBe(304);
    expect((await get(zip(id), { "if-none-match": '"other"' })).status).toBe(200);
  });
});

describe("O11 zip in parts", () => {
  test("arbitrary parts together are the whole, and complete the files", async () => {
    const { id } = await world.order(TWO);
    const head = await get(`HEAD /user/orders/${id}/download`);
    const size = Number(head.headers.get("content-length"));
    const etag = head.headers.get("etag") ?? "";
    const whole = await bytesOf(await world.call(`${zip(id)}?all=true`));
    await fc.assert(
      fc.asyncProperty(fc.nat(size - 1), fc.nat(size), async (start, length) => {
        const end = Math.min(start + length, size - 1);
        const part = await get(zip(id), { range: `bytes=${start}-${end}`, "if-range": etag });
        expect(part.status).toBe(206);
        expect(part.headers.get("content-range")).toBe(`bytes ${start}-${end}/${size}`);
        expect(part.bytes.equals(whole.subarray(start, end + 1))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  const answers: Record<string, { range: string; want: number; slice?: [number, number?] }> = {
    "from the start": { range: "bytes=0-9", want: 206, slice: [0, 10] },
    "the rest": { range: "bytes=50-", want: 206, slice: [50] },
    "the end": { range: "bytes=-30", want: 206, slice: [-30] },
    "beyond the end is cut": { range: "bytes=10-999999", want: 206, slice: [10] },
    "several are answered with the whole": { range: "bytes=0-1,5-6", want: 200, slice: [0] },
    "another unit is answered with the whole": { range: "lines=0-1", want: 200, slice: [0] },
    "nonsense is answered with the whole": { range: "bytes=9-3", want: 200, slice: [0] },
    "behind the end": { range: "bytes=999999-", want: 416 },
    "nothing from the end": { range: "bytes=-0", want: 416 },
  };
  for (const [label, { range, want, slice }] of Object.entries(answers)) {
    test(`${range}: ${label}`, async () => {
      const { id } = await world.order(TWO);
      const whole = (await get(`${zip(id)}?all=true`)).bytes;
      const part = await get(`${zip(id)}?all=true`, { range });
      expect(part.status).toBe(want);
      if (slice) expect(part.bytes.equals(whole.subarray(...slice))).toBe(true);
      else expect(part.headers.get("content-range")).toBe(`bytes */${whole.length}`);
    });
  }

  test("marks a file only when every byte of it went out", async () => {
    const { id } = await world.order(TWO);
    const size = Number((await get(`HEAD /user/orders/${id}/download`)).headers.get("content-length"));
    await get(zip(id), { range: `bytes=${size - 1}-` });
    await get(zip(id), { range: "bytes=0-40" });
    expect(await world.states(id)).toEqual(["AVAILABLE", "AVAILABLE"]);
    await get(zip(id), { range: "bytes=41-50" });
    await statesAre(id, ["DOWNLOADED", "AVAILABLE"]);
    await get(zip(id), { range: "bytes=51-" });
    await statesAre(id, ["DOWNLOADED", "DOWNLOADED"]);
  });

  test("a download goes on after other files came, over a restart, with and without If-Range", async () => {
    const { id, files } = await world.order([...TWO, { name: "late.txt" }]);
    const head = await get(`HEAD /user/orders/${id}/download`);
    const etag = head.headers.get("etag") ?? "";
    const first = await get(zip(id), { range: "bytes=0-99" });
    const { sha256, size, crc32 } = await lateFile();
    await reportFiles(world.db, id, 1, [{ id: files[2]!, kind: "available", sha256, size, crc32 }], {
      now: world.clock.now,
    });
    const app = world.restarted();
    for (const extra of [{ "if-range": etag }, {}]) {
      const rest = await app.handle(await world.request(zip(id), { headers: { range: "bytes=100-", ...extra } }));
      expect([rest.status, rest.headers.get("etag")]).toEqual([206, etag]);
      const together = Buffer.concat([first.bytes, await bytesOf(rest)]);
      expect(together.length).toBe(Number(head.headers.get("content-length")));
      expect(Object.keys(readZip(together))).toEqual(["a.txt", "b.txt"]);
    }
    await statesAre(id, ["DOWNLOADED", "DOWNLOADED", "AVAILABLE"]);
    expect(Object.keys(readZip((await get(zip(id))).bytes))).toEqual(["late.txt"]);
  });

  async function lateFile() {
    const order = await world.order([{ name: "x", content: "late" }]);
    const [row] = await world.db<{ sha256: string; size: number; crc32: number }[]>`
      SELECT encode(sha256, 'hex') AS sha256, received_size AS size, crc32 FROM order_files WHERE order_id = ${order.id}`;
    return row!;
  }

  test("a tag that is not known, or an archive that cannot be made again, is answered with the whole", async () => {
    const { id } = await world.order([
      { name: "u", content: "unique u" },
      { name: "v", content: "unique v" },
    ]);
    const etag = (await get(`HEAD /user/orders/${id}/download`)).headers.get("etag") ?? "";
    expect((await get(zip(id), { range: "bytes=5-", "if-range": '"unknown"' })).status).toBe(200);
    await statesAre(id, ["DOWNLOADED", "DOWNLOADED"]);
    await world.db`UPDATE order_files SET state = 'AVAILABLE' WHERE order_id = ${id}`;
    await world.blobs.remove(createHash("sha256").update("unique u").digest("hex"));
    const response = await world
      .restarted()
      .handle(await world.request(zip(id), { headers: { range: "bytes=5-", "if-range": etag } }));
    expect(response.status).toBe(200);
    expect(Object.keys(readZip(await bytesOf(response)))).toEqual(["v", "NOTICE.txt", "notice.json"]);
  });

  test("the tag of another order's archive is not taken", async () => {
    const [mine, other] = [await world.order(TWO), await world.order(TWO)];
    const etag = (await get(`HEAD /user/orders/${other.id}/download`)).headers.get("etag") ?? "";
    const answer = await get(zip(mine.id), { range: "bytes=5-", "if-range": etag });
    expect([answer.status, answer.headers.get("etag") === etag]).toEqual([200, false]);
  });
});

describe("F4 one file", () => {
  const file = (id: number) => `GET /orders/files/${id}`;

  test("gives bytes, name and type, and marks it", async () => {
    const { id, files } = await world.order([{ name: "dir/été.txt", content: "content" }]);
    const { status, headers, bytes } = await get(file(files[0]!));
    expect([status, bytes.toString(), headers.get("content-type")]).toEqual([200, "content", "text/plain"]);
    expect(headers.get("content-disposition")).toBe(
      `attachment; filename="_t_.txt"; filename*=UTF-8''%C3%A9t%C3%A9.txt`,
    );
    await statesAre(id, ["DOWNLOADED"]);
    expect((await get(file(files[0]!))).status).toBe(200);
  });

  test("202 while pending, 422 with the reason when failed", async () => {
    const { files } = await world.order([{ name: "a" }, { name: "b", error: "source says 404" }]);
    const pending = await get(file(files[0]!));
    expect([pending.status, pending.bytes.toString()]).toEqual([202, '{"messages":["Not yet available."]}']);
    const failed = await get(file(files[1]!));
    expect([failed.status, failed.bytes.toString()]).toEqual([422, '{"messages":["source says 404"]}']);
  });

  test("410 when its bytes are gone, and it is marked", async () => {
    const { id, files } = await world.order([{ name: "a", content: "to be lost" }]);
    await world.blobs.remove(createHash("sha256").update("to be lost").digest("hex"));
    expect((await get(file(files[0]!))).status).toBe(410);
    expect(await world.states(id)).toEqual(["DOWNLOAD_ERROR"]);
  });

  test("HEAD gives length and tag and marks nothing", async () => {
    const { id, files } = await world.order(TWO);
    const head = await get(`HEAD /orders/files/${files[0]}`);
    expect([head.status, head.headers.get("content-length"), head.bytes.length]).toEqual([200, "12", 0]);
    expect(await world.states(id)).toEqual(["AVAILABLE", "AVAILABLE"]);
  });

  test("P16: parts complete it, the last part alone does not", async () => {
    const { id, files } = await world.order(TWO);
    const etag = (await get(`HEAD /orders/files/${files[0]}`)).headers.get("etag") ?? "";
    const last = await get(file(files[0]!), { range: "bytes=6-", "if-range": etag });
    expect([last.status, last.bytes.toString()]).toEqual([206, "t of a"]);
    expect(await world.states(id)).toEqual(["AVAILABLE", "AVAILABLE"]);
    await get(file(files[0]!), { range: "bytes=0-5", "if-range": etag });
    await statesAre(id, ["DOWNLOADED", "AVAILABLE"]);
    expect((await get(file(files[1]!), { range: "bytes=6-", "if-range": etag })).status).toBe(200);
  });

  test("a part of a file does not change which archive a client goes on with", async () => {
    const { id, files } = await world.order(TWO);
    const head = await get(`HEAD /user/orders/${id}/download`);
    await get(file(files[0]!), { range: "bytes=0-1" });
    const part = await get(zip(id), { range: "bytes=0-9" });
    expect(part.headers.get("etag")).toBe(head.headers.get("etag"));
  });

  test("a reference that only the server could open is refused", async () => {
    const { files } = await world.order([{ name: "far", reference: "file:///etc/passwd" }]);
    expect((await get(file(files[0]!))).status).toBe(422);
  });
});
