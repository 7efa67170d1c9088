import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { EXIT } from "#crds/names.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { type SubOrderWorld, subOrderWorld } from "#test/support/sub-order-world.ts";

const md5 = (bytes: Uint8Array) => createHash("md5").update(bytes).digest("hex");

let world: SubOrderWorld;
beforeAll(async () => {
  world = await subOrderWorld("worker_main");
});
afterAll(() => world.close());

function start(orderId: number, env: Record<string, string> = {}) {
  const script = join(import.meta.dir, "../test/support/worker-process.ts");
  return Bun.spawn([process.execPath, script, "--order", String(orderId), "--sub-order", "1", "--attempt", "1"], {
    env: {
      ...process.env,
      ORDER_DATABASE_URL: world.databaseUrl,
      ORDER_BLOBS_URL: world.blobsUrl,
      ...env,
    },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
}

function logLines(text: string): readonly Record<string, unknown>[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

/** An order of one large slow file and some small ones; answers the sum of their bytes. */
async function slowOrder(options: { everyMs: number }) {
  const small = Array.from({ length: 60 }, () => randomBytes(3000));
  const large = randomBytes(3_000_000);
  const prefix = crypto.randomUUID();
  const files = [large, ...small].map((bytes, i) => {
    const pace = { pieceBytes: bytes.length > 3000 ? 60_000 : 3000, everyMs: options.everyMs };
    world.source.files.set(`/${prefix}-${i}`, { bytes, etag: `"${i}"`, pace });
    return { uri: `${world.source.url}/${prefix}-${i}`, size: bytes.length, checksum: md5(bytes), algorithm: "MD5" };
  });
  const order = await world.order(files);
  return { ...order, contents: [large, ...small], prefix };
}

describe("workerMain()", () => {
  test(
    "workerMain() loses nothing and repeats little when it is killed at any byte",
    async () => {
      const { orderId, ids, contents, prefix } = await slowOrder({ everyMs: 10 });
      for (let kills = 0; kills < 6; kills++) {
        const from = world.source.sent();
        const child = start(orderId);
        const target = from + Math.floor(Math.random() * 500_000);
        await eventually(`${target} bytes are sent`, () => world.source.sent() > target || child.exitCode !== null);
        child.kill("SIGKILL");
        await child.exited;
      }
      const last = start(orderId);
      expect(await last.exited).toBe(0);
      for (const [i, id] of ids.entries()) {
        expect(await world.file(id)).toMatchObject({ state: "AVAILABLE", crc32: Bun.hash.crc32(contents[i]!) });
        expect((await world.bytesOf(id)).equals(contents[i]!)).toBe(true);
      }
      // Each run goes on where the one before was killed: what the source is asked for never goes back.
      const offsets = world.source.requests
        .filter((request) => request.path === `/${prefix}-0`)
        .map((request) => Number(/^bytes=(\d+)-$/.exec(request.range ?? "")?.[1] ?? 0));
      expect(offsets.length).toBeGreaterThan(2);
      expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
      expect(offsets.at(-1)).toBeGreaterThan(0);
    },
    LIMIT.slow,
  );

  test("workerMain() keeps what is staged on SIGTERM and leaves with the code for it", async () => {
    const { orderId } = await slowOrder({ everyMs: 30 });
    const from = world.source.sent();
    const child = start(orderId);
    await eventually("bytes flow", () => world.source.sent() > from + 200_000);
    child.kill("SIGTERM");
    expect(await child.exited).toBe(EXIT.stopped);
    const lines = logLines(await new Response(child.stdout).text());
    expect(lines.map((line) => line["msg"])).toEqual(
      expect.arrayContaining(["sub-order begins", "told to stop", "sub-order interrupted"]),
    );
    expect(await world.available(orderId)).toBeGreaterThan(0);
  });

  test("workerMain() ends with its parent where that is asked for", async () => {
    const { orderId } = await slowOrder({ everyMs: 30 });
    const from = world.source.sent();
    const child = start(orderId, { ORDER_EXIT_WITH_PARENT: "1" });
    await eventually("bytes flow", () => world.source.sent() > from + 100_000);
    child.stdin.end();
    expect(await child.exited).toBe(EXIT.stopped);
  });

  test("workerMain() says at its end what it did", async () => {
    const bytes = randomBytes(100);
    world.source.files.set("/one", { bytes });
    const { orderId } = await world.order([{ uri: `${world.source.url}/one` }, { uri: `${world.source.url}/none` }]);
    const child = start(orderId);
    expect(await child.exited).toBe(0);
    const lines = logLines(await new Response(child.stdout).text());
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: "file failed", reason: expect.stringContaining("404") }),
    );
    expect(lines.at(-1)).toMatchObject({ msg: "sub-order worked through", available: 1, failed: 1, bytes: 100 });
  });

  const unusable: Record<string, Record<string, string>> = {
    "without a database": { ORDER_DATABASE_URL: "" },
    "without a blob store": { ORDER_BLOBS_URL: "" },
    "with a tenant that cannot be": { ORDER_TENANT: "../x" },
  };
  for (const [name, env] of Object.entries(unusable)) {
    test(`workerMain() can never work ${name}`, async () => {
      const child = start(1, env);
      expect(await child.exited).toBe(EXIT.unusable);
      expect(logLines(await new Response(child.stdout).text()).at(-1)?.["msg"]).toStartWith("Cannot ");
    });
  }
});
