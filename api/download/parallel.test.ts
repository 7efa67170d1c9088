/** Downloads lend one buffer to the network again and again: that must never show in the bytes, whoever reads how slowly. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { createConnection } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { ADA, type ApiWorld, apiWorld, PREFIX } from "#test/support/api-world.ts";
import { eventually } from "#test/support/eventually.ts";
import { type Served, serveApi } from "../http/serve.ts";
import { bufferBytes } from "./buffers.ts";

const MIB = 1024 * 1024;
const DOWNLOADS = 60;

let world: ApiWorld;
let served: Served;
let token: string;
beforeAll(async () => {
  world = await apiWorld("api_parallel");
  served = await serveApi(world.app, { host: "127.0.0.1", port: 0 });
  token = await world.token(ADA);
});
afterAll(async () => {
  await served.stop({ withinMs: 500 });
  await world.close();
});

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** SHA-256 of a body read over a bare connection, with a rest of `ms` after every so many bytes; undefined when it goes away after `limit`. */
function hashSlowly(path: string, o: { every: number; ms: number; limit?: number }): Promise<string | undefined> {
  const { hostname, port } = new URL(served.url);
  const socket = createConnection(Number(port), hostname);
  const hash = createHash("sha256");
  let head: Buffer | undefined = Buffer.alloc(0);
  let [received, rested] = [0, 0];
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`,
  );
  return new Promise((resolve, reject) => {
    socket.on("error", reject);
    socket.on("end", () => resolve(hash.digest("hex")));
    socket.on("data", async (chunk: Buffer) => {
      let body = chunk;
      if (head) {
        head = Buffer.concat([head, chunk]);
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return;
        body = head.subarray(end + 4);
        head = undefined;
      }
      hash.update(body);
      received += body.length;
      if (o.limit !== undefined && received > o.limit) {
        socket.destroy();
        resolve(undefined);
      } else if (received - rested > o.every) {
        rested = received;
        socket.pause();
        await pause(o.ms);
        socket.resume();
      }
    });
  });
}

test("sixty downloads at once, quick, slow and broken off, give the bytes that one alone gives", async () => {
  const sizes = [3 * MIB, 17, 70_000, 2 * MIB + 1, 0, 300_000, 5, 65_536, 65_537];
  const files = sizes.map((size, i) => ({ name: `f${i}.bin`, content: randomBytes(size) as Uint8Array }));
  const { id, files: ids } = await world.order(files);
  const zip = `/user/orders/${id}/download?all=true`;
  const alone = sha256(new Uint8Array(await (await world.call(`GET ${zip}`)).arrayBuffer()));
  const file = sha256(files[0]?.content as Uint8Array);
  const all = await Promise.all(
    Array.from({ length: DOWNLOADS }, async (_, i) => {
      const reader = { every: 50_000 * (1 + (i % 7)), ms: i % 5, ...(i % 6 === 5 && { limit: MIB + i * 10_000 }) };
      const path = i % 4 === 0 ? `/orders/files/${ids[0]}` : zip;
      return {
        want: i % 6 === 5 ? undefined : i % 4 === 0 ? file : alone,
        got: await hashSlowly(PREFIX + path, reader),
      };
    }),
  );
  expect(all.filter(({ want, got }) => want !== got)).toEqual([]);
  await eventually("the files are marked", async () =>
    (await world.states(id)).every((state) => state === "DOWNLOADED"),
  );
}, 60_000);

test("bufferBytes() keeps all buffers of a hundred and more downloads within a few tens of megabytes", () => {
  const total = Array.from({ length: 100 }, (_, i) => bufferBytes(i + 1)).reduce((sum, bytes) => sum + bytes, 0);
  expect(bufferBytes(1)).toBe(256 * 1024);
  expect(total).toBeLessThan(32 * MIB);
  expect(bufferBytes(1_000_000)).toBe(32 * 1024);
});
