/** The API over real connections: lengths, resumed downloads with curl, clients that go away, an orderly stop. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createConnection, type Socket } from "node:net";
import { join } from "node:path";
import { ADA, type ApiWorld, apiWorld, PREFIX } from "#test/support/api-world.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { temporaryFolder } from "#test/support/folder.ts";
import { readZip } from "#test/support/read-zip.ts";
import { type Served, serveApi } from "./serve.ts";

let world: ApiWorld;
let served: Served;
let bearer: Record<string, string>;
beforeAll(async () => {
  world = await apiWorld("api_served");
  served = await serveApi(world.app, { host: "127.0.0.1", port: 0 });
  bearer = { authorization: `Bearer ${await world.token(ADA)}` };
});
afterAll(async () => {
  await served.stop({ withinMs: 500 });
  await world.close();
});

const MIB = 1024 * 1024;
const zipPath = (id: number) => `${PREFIX}/user/orders/${id}/download`;

function call(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Response> {
  return fetch(served.url + path, { method, headers: { ...bearer, ...headers } });
}

function statesAre(id: number, want: readonly string[]) {
  return eventually(`the files are ${want.join(", ")}`, async () => Bun.deepEquals(await world.states(id), [...want]));
}

/** Sends a GET over a bare connection and answers the socket, paused, once a megabyte has come: for clients that go away. */
async function beginDownload(path: string): Promise<Socket> {
  const { hostname, port } = new URL(served.url);
  const socket = createConnection(Number(port), hostname);
  socket.on("error", () => {});
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${bearer["authorization"]}\r\n\r\n`);
  let received = 0;
  await new Promise<void>((resolve) => {
    socket.on("data", (chunk) => {
      received += chunk.length;
      if (received > MIB) resolve();
    });
  });
  socket.pause();
  return socket;
}

describe("over HTTP", () => {
  test("S7: a streamed archive has its Content-Length, and HEAD the same", async () => {
    const { id } = await world.order([{ name: "a.bin", content: new Uint8Array(3 * MIB).fill(7) }]);
    const head = await call(zipPath(id), {}, "HEAD");
    const whole = await call(zipPath(id));
    expect(whole.headers.get("content-length")).toBe(head.headers.get("content-length"));
    expect(whole.headers.get("transfer-encoding")).toBeNull();
    const bytes = new Uint8Array(await whole.arrayBuffer());
    expect(bytes.length).toBe(Number(head.headers.get("content-length")));
    expect(Object.keys(readZip(bytes))).toEqual(["a.bin"]);
    await statesAre(id, ["DOWNLOADED"]);
  });

  test("204, 304 and 401 have no or a whole body, and the connection goes on", async () => {
    const { id } = await world.order([{ name: "pending" }]);
    expect((await call(zipPath(id))).status).toBe(204);
    expect((await fetch(served.url + zipPath(id))).status).toBe(401);
    expect((await call(`${PREFIX}/user/orders/${id}`)).status).toBe(200);
  });

  test("a POST with a body is answered, and one that is too large", async () => {
    const post = (body: string) =>
      fetch(`${served.url}${PREFIX}/user/orders/apply`, {
        method: "POST",
        body,
        headers: { ...bearer, "content-type": "application/json" },
      });
    expect((await post(JSON.stringify({ queries: [] }))).status).toBe(422);
    expect((await post("x".repeat(5 * MIB))).status).toBe(413);
  });

  test("a host name of one letter does not shift the path", async () => {
    const { hostname, port } = new URL(served.url);
    const socket = createConnection(Number(port), hostname);
    socket.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    const answer = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
    socket.destroy();
    expect(answer.toString()).toStartWith("HTTP/1.1 200 ");
  });

  test("a client that goes away marks nothing, and can go on from where it was", async () => {
    const content = new Uint8Array(64 * MIB).fill(1);
    const { id } = await world.order([
      { name: "first.txt", content: "first" },
      { name: "big.bin", content },
    ]);
    const socket = await beginDownload(zipPath(id));
    socket.destroy();
    await eventually("the server saw that the client went", async () => {
      const [row] = await world.db<{ n: number }[]>`
        SELECT count(*) AS n FROM archives WHERE order_id = ${id} AND NOT isempty(delivered)`;
      return row?.n === 1;
    });
    expect(await world.states(id)).toEqual(["AVAILABLE", "AVAILABLE"]);
    const rest = await call(zipPath(id), { range: "bytes=1000-" });
    expect(rest.status).toBe(206);
    await rest.arrayBuffer();
    await statesAre(id, ["DOWNLOADED", "DOWNLOADED"]);
  });

  test("a slow client holds little memory", async () => {
    const content = new Uint8Array(64 * MIB).fill(2);
    const { id } = await world.order([{ name: "big.bin", content }]);
    Bun.gc(true);
    const before = process.memoryUsage().rss;
    const downloads = await Promise.all(Array.from({ length: 20 }, () => beginDownload(zipPath(id))));
    await Bun.sleep(300);
    const grown = (process.memoryUsage().rss - before) / MIB;
    for (const socket of downloads) socket.destroy();
    expect(grown).toBeLessThan(200);
  }, 20_000);

  test("a source that fails on the way cuts the connection instead of ending the answer", async () => {
    const content = new Uint8Array(64 * MIB).fill(3);
    const { id } = await world.order([
      { name: "a.bin", content },
      { name: "b.bin", content: "b is lost" },
    ]);
    const [lost] = await world.db<{ sha256: string }[]>`
      SELECT encode(sha256, 'hex') AS sha256 FROM order_files WHERE order_id = ${id} AND filename = 'b.bin'`;
    const etag = (await call(zipPath(id), {}, "HEAD")).headers.get("etag") ?? "";
    await world.blobs.remove(lost?.sha256 ?? "");
    const response = await call(zipPath(id), { range: "bytes=0-", "if-range": etag });
    expect(response.status).toBe(206);
    await expect(response.arrayBuffer()).rejects.toThrow();
    expect(await world.states(id)).toEqual(["AVAILABLE", "AVAILABLE"]);
  });
});

describe("curl", () => {
  const curl = Bun.which("curl");
  test.skipIf(!curl)(
    "-C - goes on with the archive that it began, after more files came and the server was restarted",
    async () => {
      const folder = temporaryFolder("curl");
      const file = join(folder.path, "order.zip");
      const { id } = await world.order([{ name: "a.bin", content: new Uint8Array(2 * MIB).fill(4) }, { name: "late" }]);
      const whole = new Uint8Array(await (await call(zipPath(id))).arrayBuffer());
      await Bun.write(file, whole.subarray(0, MIB));
      await world.db`UPDATE order_files SET state = 'AVAILABLE', sha256 = (SELECT sha256 FROM order_files WHERE order_id = ${id} AND filename = 'a.bin'),
      received_size = ${2 * MIB}, crc32 = 0 WHERE order_id = ${id} AND filename = 'late'`;
      const restarted = await serveApi(world.restarted(), { host: "127.0.0.1", port: 0 });
      try {
        const child = Bun.spawn([
          curl ?? "",
          "-sS",
          "-f",
          "-C",
          "-",
          "-o",
          file,
          "-H",
          `Authorization: ${bearer["authorization"]}`,
          restarted.url + zipPath(id),
        ]);
        expect(await child.exited).toBe(0);
        expect(Buffer.from(await Bun.file(file).bytes()).equals(Buffer.from(whole))).toBe(true);
      } finally {
        await restarted.stop();
        folder.remove();
      }
    },
  );
});

describe("stop()", () => {
  test("lets what is under way finish, and takes nothing new", async () => {
    const { id } = await world.order([{ name: "big.bin", content: new Uint8Array(32 * MIB).fill(5) }]);
    const server = await serveApi(world.app, { host: "127.0.0.1", port: 0 });
    const response = await fetch(server.url + zipPath(id), { headers: bearer });
    const reader = response.body!.getReader();
    await reader.read();
    const stopped = server.stop({ withinMs: LIMIT.normal });
    await eventually("no new connection is taken", () =>
      fetch(`${server.url}/healthz`).then(
        () => false,
        () => true,
      ),
    );
    let size = 0;
    for (let part = await reader.read(); !part.done; part = await reader.read()) size += part.value.length;
    expect(size).toBeGreaterThan(16 * MIB);
    await stopped;
  });

  test("cuts what does not finish within the limit", async () => {
    const { id } = await world.order([{ name: "big.bin", content: new Uint8Array(64 * MIB).fill(6) }]);
    const server = await serveApi(world.app, { host: "127.0.0.1", port: 0 });
    const response = await fetch(server.url + zipPath(id), { headers: bearer });
    const before = performance.now();
    await server.stop({ withinMs: 200 });
    expect(performance.now() - before).toBeLessThan(LIMIT.normal);
    await response.body?.cancel();
    expect(await world.states(id)).toEqual(["AVAILABLE"]);
  });
});
