import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { inflateSync } from "node:zlib";
import { makeArchive } from "./archive.ts";
import { encodePng } from "./png.ts";
import { serveArchive } from "./web-server.ts";

describe("encodePng()", () => {
  test("writes the pixels that were told, in a file of the right form", () => {
    const png = Buffer.from(encodePng({ width: 2, height: 3 }, (x, y) => [x, y, 255]));
    expect(png.subarray(1, 4).toString("latin1")).toBe("PNG");
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([2, 3]);
    const length = png.readUInt32BE(33);
    const rows = inflateSync(png.subarray(41, 41 + length));
    expect([...rows]).toEqual([0, 0, 0, 255, 1, 0, 255, 0, 0, 1, 255, 1, 1, 255, 0, 0, 2, 255, 1, 2, 255]);
  });
});

const archive = makeArchive();

describe("makeArchive()", () => {
  const read = (path: string) => JSON.parse(Buffer.from(archive.files.get(path)?.bytes ?? []).toString());

  test("describes every file with the size and checksum that it has", () => {
    let assets = 0;
    for (const path of archive.collections) {
      for (const { href } of read(path).links) {
        const itemUrl = new URL(href, `http://demo${path}`);
        for (const asset of Object.values<Record<string, unknown>>(read(itemUrl.pathname).assets)) {
          const file = archive.files.get(new URL(String(asset["href"]), itemUrl).pathname);
          expect(file?.bytes.byteLength).toBe(Number(asset["file:size"]));
          expect(asset["file:checksum"]).toBe(`1220${file?.sha256}`);
          assets++;
        }
      }
    }
    expect(assets).toBe(archive.products * 4);
  });

  test("makes the same bytes each time", () => {
    const again = makeArchive();
    expect([...again.files.values()].map((file) => file.sha256)).toEqual(
      [...archive.files.values()].map((file) => file.sha256),
    );
  });
});

describe("serveArchive()", () => {
  test("serves whole files, the rest of files, and no other", async () => {
    const server = serveArchive(archive, { chunkDelayMs: 0 });
    const file = [...archive.files.values()].find((one) => one.path.endsWith(".f32"));
    const url = `${server.url}${file?.path}`;
    const whole = new Uint8Array(await (await fetch(url)).arrayBuffer());
    expect(createHash("sha256").update(whole).digest("hex")).toBe(file?.sha256 ?? "");
    const rest = await fetch(url, { headers: { Range: "bytes=1000-", "If-Range": `"${file?.sha256}"` } });
    expect(rest.status).toBe(206);
    expect(new Uint8Array(await rest.arrayBuffer())).toEqual(whole.slice(1000));
    expect((await fetch(`${server.url}/no/such`)).status).toBe(404);
    await server.stop();
  });
});
