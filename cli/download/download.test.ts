/** Downloads against a real HTTP server that cuts connections, and archives made by Info-ZIP. */
import { afterAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "#test/support/folder.ts";
import { fetchResumable } from "./resume.ts";
import { verifyArchive } from "./verify.ts";

const folder = temporaryFolder("download");
const servers: Bun.Server<undefined>[] = [];
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop(true)));
  folder.remove();
});

const BODY = new Uint8Array(3_000_000).map((_, i) => (i * 31) % 251);

/** A server of one archive that sends at most `cut` bytes of an answer; `seen` are the ranges asked for. */
function serve(o: { cut?: number; etag?: string; body?: Uint8Array; ranges?: boolean }) {
  const state = { etag: o.etag ?? '"one"', body: o.body ?? BODY, cut: o.cut ?? Number.POSITIVE_INFINITY };
  const seen: (string | null)[] = [];
  const server = Bun.serve({
    port: 0,
    fetch(request) {
      const range = request.headers.get("Range");
      seen.push(range);
      const same = request.headers.get("If-Range") === state.etag && o.ranges !== false;
      const start = range && same ? Number(/\d+/.exec(range)?.[0]) : 0;
      const rest = state.body.slice(start);
      const headers = {
        ETag: state.etag,
        "X-Expected-Size": String(rest.byteLength),
        ...(start > 0 && { "Content-Range": `bytes ${start}-${state.body.length - 1}/${state.body.length}` }),
      };
      return new Response(cutStream(rest, state.cut), { status: start > 0 ? 206 : 200, headers });
    },
  });
  servers.push(server);
  return { url: server.url.href, state, seen };
}

function cutStream(bytes: Uint8Array, cut: number): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    pull(controller) {
      if (sent >= cut && sent < bytes.length) return controller.close();
      const chunk = bytes.slice(sent, Math.min(sent + 65_536, bytes.length, cut));
      sent += chunk.length;
      if (chunk.length > 0) controller.enqueue(chunk);
      if (sent >= bytes.length) controller.close();
    },
  });
}

const fetchTo = (path: string, url: string) =>
  fetchResumable({
    path,
    source: url,
    request: (init) => fetch(url, init),
    pause: async () => {},
  });

describe("fetchResumable()", () => {
  test("puts an archive together over connections that break again and again", async () => {
    const server = serve({ cut: 700_000 });
    const path = join(folder.path, "broken.zip");
    expect(await fetchTo(path, server.url)).toEqual({ kind: "whole", resumedFrom: 0 });
    expect(readFileSync(path).equals(BODY)).toBe(true);
    expect(server.seen.length).toBe(5);
    expect(server.seen[1]).toBe("bytes=700000-");
    expect(existsSync(`${path}.part`) || existsSync(`${path}.part.json`)).toBe(false);
  });

  test("goes on where an earlier run of the program stopped", async () => {
    const server = serve({});
    const path = join(folder.path, "earlier.zip");
    writeFileSync(`${path}.part`, BODY.slice(0, 1_000_000));
    writeFileSync(`${path}.part.json`, JSON.stringify({ source: server.url, etag: '"one"', size: BODY.length }));
    expect(await fetchTo(path, server.url)).toEqual({ kind: "whole", resumedFrom: 1_000_000 });
    expect(readFileSync(path).equals(BODY)).toBe(true);
    expect(server.seen).toEqual(["bytes=1000000-"]);
  });

  test("starts again when the archive is another one now, and never mixes the two", async () => {
    const other = BODY.map((byte) => byte ^ 255);
    const server = serve({ etag: '"two"', body: other });
    const path = join(folder.path, "changed.zip");
    writeFileSync(`${path}.part`, BODY.slice(0, 1_000_000));
    writeFileSync(`${path}.part.json`, JSON.stringify({ source: server.url, etag: '"one"', size: BODY.length }));
    await fetchTo(path, server.url);
    expect(readFileSync(path).equals(other)).toBe(true);
  });

  test("does not continue the part of another order", async () => {
    const server = serve({});
    const path = join(folder.path, "other.zip");
    writeFileSync(`${path}.part`, new Uint8Array(1_000_000));
    writeFileSync(`${path}.part.json`, JSON.stringify({ source: "another", etag: '"one"', size: BODY.length }));
    await fetchTo(path, server.url);
    expect(server.seen).toEqual([null]);
    expect(readFileSync(path).equals(BODY)).toBe(true);
  });

  test("gives up on a server that sends nothing any more, and keeps the part", async () => {
    const server = serve({ cut: 500_000 });
    const path = join(folder.path, "dead.zip");
    server.state.cut = 0;
    writeFileSync(`${path}.part`, BODY.slice(0, 10));
    writeFileSync(`${path}.part.json`, JSON.stringify({ source: server.url, etag: '"one"', size: BODY.length }));
    await expect(fetchTo(path, server.url)).rejects.toThrow("run it again to go on");
    expect(readFileSync(`${path}.part`).byteLength).toBe(10);
    expect(existsSync(path)).toBe(false);
  });
});

async function archive(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const source = join(folder.path, `${name}-files`);
  mkdirSync(source);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(source, file), text);
  const path = join(folder.path, `${name}.zip`);
  const zip = Bun.spawn(["zip", "-q", "-0", path, ...Object.keys(files)], { cwd: source });
  expect(await zip.exited).toBe(0);
  return path;
}

const md5 = (text: string) => createHash("md5").update(text).digest("hex");
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

describe.skipIf(Bun.which("zip") === null)("verifyArchive()", () => {
  test("checks CRCs and the catalogue's checksums, whatever their kind, and files of one name", async () => {
    const path = await archive("good", {
      "a.tif": "alpha",
      "a (1).tif": "second alpha",
      "b.txt": "beta",
      "c.txt": "gamma",
      d: "delta",
    });
    const verdict = await verifyArchive(path, {
      files: [
        { filename: "a.tif", checksum: md5("alpha").toUpperCase() },
        { filename: "a.tif", checksum: sha256("second alpha") },
        { filename: "b.txt", checksum: `1220${sha256("beta")}` },
        { filename: "c.txt" },
        { filename: "d", checksum: "not a checksum" },
      ],
    });
    expect(verdict).toEqual({ entries: 5, bytes: 31, checksums: 3, unknown: 2, problems: [], missing: 0 });
  });

  test("tells a file that is another than the catalogue's", async () => {
    const path = await archive("wrong", { "a.tif": "alpha" });
    const { problems } = await verifyArchive(path, { files: [{ filename: "a.tif", checksum: md5("other") }] });
    expect(problems).toEqual(["'a.tif' differs from the catalogue: its checksum is another"]);
  });

  test("tells a byte that changed on the way", async () => {
    const path = await archive("spoilt", { "a.tif": "x".repeat(1000) });
    const bytes = readFileSync(path);
    bytes[500] = 0;
    writeFileSync(path, bytes);
    const { problems } = await verifyArchive(path, { files: [] });
    expect(problems).toEqual(["'a.tif' is spoilt: its CRC-32 differs from the archive's"]);
  });

  test("refuses an archive that was cut", async () => {
    const path = await archive("cut", { "a.tif": "x".repeat(1000) });
    writeFileSync(path, readFileSync(path).subarray(0, 900));
    await expect(verifyArchive(path, { files: [] })).rejects.toThrow("no directory at its end");
  });
});
