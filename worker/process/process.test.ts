/** The two stages of a run around an administrator's program: what it finds, what becomes of what it leaves, and deaths in between. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pino } from "pino";
import { EXIT } from "#crds/names.ts";
import { collectBlobs } from "#store/blob-rows.ts";
import type { BlobStore } from "#store/blobs/blob-store.ts";
import type { Db } from "#store/db.ts";
import { allFiles, inputsOf, type NewFile, subOrdersOf } from "#store/files.ts";
import { readSettings, writeSetting } from "#store/settings.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { temporaryFolder } from "#test/support/folder.ts";
import { mortal } from "#test/support/mortal.ts";
import { type SubOrderWorld, subOrderWorld } from "#test/support/sub-order-world.ts";
import { RETRY_EXIT } from "../attempt.ts";
import { runWorker, type WorkerOptions } from "../run.ts";
import { runFetchStage } from "./fetch-stage.ts";
import { runPublishStage } from "./publish-stage.ts";

const PROCESS = { name: "crop", parameters: { width: 10 }, scope: "SubOrder" } as const;
const POLICY = { backoff: { baseMs: 1, maxMs: 5 }, tries: 2, stallMs: 2000, databasePatienceMs: 300 };
const sha256 = (bytes: string) => createHash("sha256").update(bytes).digest("hex");

let world: SubOrderWorld;
const folder = temporaryFolder("worker-process");
beforeAll(async () => {
  world = await subOrderWorld("worker_process");
});
afterAll(async () => {
  await world.close();
  folder.remove();
});

/** What the source has under a path that nobody else uses. */
function atSource(bytes: string): string {
  const path = `/${crypto.randomUUID()}`;
  world.source.files.set(path, { bytes: Buffer.from(bytes) });
  return world.source.url + path;
}

type Run = { readonly orderId: number; readonly placeholder: number; readonly work: string };

async function aRun(files: readonly Partial<NewFile>[] = [{ uri: atSource("abc"), size: 3 }]): Promise<Run> {
  const { orderId, ids } = await world.order(files, PROCESS);
  return { orderId, placeholder: ids[0] ?? 0, work: join(folder.path, crypto.randomUUID()) };
}

async function options({ orderId, work }: Run, over: Partial<WorkerOptions> = {}) {
  const { max_source_silence_seconds: _, ...settings } = await readSettings(world.db);
  return {
    db: world.db,
    blobs: world.blobs,
    orderId,
    number: 1,
    attempt: 1,
    settings: { ...settings, max_source_silence_seconds: 3600 },
    logger: pino({ level: "silent" }),
    now: () => new Date(),
    random: () => 0.5,
    policy: POLICY,
    signal: new AbortController().signal,
    work,
    ...over,
  };
}
const fetchStage = async (run: Run, over: Partial<WorkerOptions> = {}) => runFetchStage(await options(run, over));
const publishStage = async (run: Run, over: Partial<WorkerOptions> = {}) => runPublishStage(await options(run, over));

/** What the program of the process would leave. */
function leave({ work }: Run, files: Readonly<Record<string, string>>): string {
  const output = join(work, "output");
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(output, path, ".."), { recursive: true });
    writeFileSync(join(output, path), content);
  }
  return output;
}

async function filesOf({ orderId }: Run) {
  return (await Array.fromAsync(allFiles(world.db, orderId))).flat();
}
const subOrder = async ({ orderId }: Run) => (await subOrdersOf(world.db, orderId, { limit: 1 }))[0];
const text = (run: Run, path: string) => Bun.file(join(run.work, path)).text();

describe("runFetchStage()", () => {
  test("runFetchStage() lays out copies of the inputs by product, and tells of them", async () => {
    const files = [
      { uri: atSource("first"), filename: "scene.tif", size: 5 },
      { uri: atSource("second"), filename: "scene.tif", productUrn: "URN:0", providerId: "product-0", size: 6 },
      { uri: atSource("third"), filename: "scene.tif", reference: true, fileType: "QUICKLOOK_SD" as const },
    ];
    const run = await aRun(files);
    expect(await fetchStage(run)).toBe(0);
    expect(await text(run, "input/product-0/scene.tif")).toBe("first");
    expect(await text(run, "input/product-0/scene (1).tif")).toBe("second");
    expect(await text(run, "input/product-2/scene.tif")).toBe("third");
    expect(await Bun.file(join(run.work, "parameters.json")).json()).toEqual({ width: 10 });
    const told = await Bun.file(join(run.work, "inputs.json")).json();
    expect(told).toMatchObject({
      order: run.orderId,
      subOrder: 1,
      process: "crop",
      parameters: { width: 10 },
      missing: [],
    });
    expect(told.files[1]).toEqual({
      path: "product-0/scene (1).tif",
      product: "product-0",
      urn: "URN:0",
      dataset: "URN:D",
      type: "RAWDATA",
      filename: "scene.tif",
      mimeType: "application/octet-stream",
      size: 6,
      sha256: sha256("second"),
    });
    expect(statSync(join(run.work, "output")).mode & 0o777).toBe(0o777);
    expect((await filesOf(run)).map(({ state, fileType }) => [state, fileType])).toEqual([["PENDING", "OTHER"]]);
  });

  test("runFetchStage() lets no name of a file or product lead out of its folder", async () => {
    const run = await aRun([
      { uri: atSource("a"), filename: "../../../etc/passwd", providerId: "../../up" },
      { uri: atSource("b"), filename: "..", providerId: ".." },
      { uri: atSource("c"), filename: "c:\\x\u0001y", providerId: "a/b" },
    ]);
    expect(await fetchStage(run)).toBe(0);
    const told = await Bun.file(join(run.work, "inputs.json")).json();
    expect(told.files.map(({ path }: { path: string }) => path)).toEqual([".._.._up/passwd", "file/file", "a_b/x_y"]);
    expect(readdirSync(run.work).sort()).toEqual(["input", "inputs.json", "output", "parameters.json"]);
  });

  test("runFetchStage() goes on without inputs that cannot be had, and says which", async () => {
    const run = await aRun([{ uri: atSource("here") }, { uri: `${world.source.url}/none`, filename: "gone.tif" }]);
    expect(await fetchStage(run)).toBe(0);
    const told = await Bun.file(join(run.work, "inputs.json")).json();
    expect(told.missing).toMatchObject([{ filename: "gone.tif", missing: expect.stringContaining("404") }]);
    leave(run, { "out.txt": "x" });
    expect(await publishStage(run)).toBe(0);
    expect((await subOrder(run))?.message).toMatch(/^1 of 2 inputs could not be had: 'gone.tif' \(.*404.*\)$/);
  });

  test("P27: runFetchStage() ends a run without any input, and no process starts", async () => {
    const run = await aRun([{ uri: `${world.source.url}/none` }]);
    expect(await fetchStage(run)).toBe(EXIT.unusable);
    const [row] = await filesOf(run);
    expect(row).toMatchObject({ state: "PROCESSING_ERROR" });
    expect(row?.error).toStartWith("Process 'crop' did not start: 1 of 1 inputs could not be had: 'file-0.bin' (");
    expect(await fetchStage(run)).toBe(EXIT.unusable);
  });

  test("runFetchStage() waits for inputs that are not ready: no process starts meanwhile", async () => {
    const uri = atSource("late");
    world.source.files.get(new URL(uri).pathname)!.first = [{ status: 202, headers: { "retry-after": "600" } }];
    const run = await aRun([{ uri }, { uri: atSource("early") }]);
    expect(await fetchStage(run)).toBe(EXIT.notReady);
    expect((await inputsOf(world.db, run.orderId, 1)).map(({ state }) => state)).toEqual(["PENDING", "AVAILABLE"]);
    await world.db`UPDATE process_inputs SET retry_after = now() WHERE order_id = ${run.orderId}`;
    expect(await fetchStage(run)).toBe(0);
    expect(await text(run, "input/product-0/file-0.bin")).toBe("late");
  });

  test("runFetchStage() fetches inputs again whose bytes are gone from the store", async () => {
    const run = await aRun([{ uri: atSource("kept") }, { uri: atSource("lost") }]);
    expect(await fetchStage(run)).toBe(0);
    await world.blobs.remove(sha256("lost"));
    const again = { ...run, work: join(folder.path, crypto.randomUUID()) };
    expect(await fetchStage(again)).toBe(0);
    expect(await text(again, "input/product-1/file-1.bin")).toBe("lost");
    expect(await text(again, "input/product-0/file-0.bin")).toBe("kept");
  });

  test("runFetchStage() keeps inputs from the collector until the sub-order ends", async () => {
    const run = await aRun([{ uri: atSource("held") }]);
    expect(await fetchStage(run)).toBe(0);
    await collectBlobs(world.db, world.blobs, { now: new Date(Date.now() + 3_600_000), unusedFor: 1000 });
    expect(await world.blobs.size(sha256("held"))).toBe(4);
  });

  test("a sub-order with a process is nothing for a worker without a stage, and the reverse", async () => {
    const run = await aRun();
    expect(await runWorker(await options(run))).toBe(EXIT.unusable);
    const { orderId } = await world.order([{ uri: atSource("plain") }]);
    expect(await fetchStage({ ...run, orderId })).toBe(EXIT.unusable);
    expect(await publishStage({ ...run, orderId })).toBe(EXIT.unusable);
  });
});

describe("runPublishStage()", () => {
  test("runPublishStage() makes every file that was left a file of the order", async () => {
    const run = await aRun();
    const big = "x".repeat(1_000_000);
    const output = leave(run, { "b.tif": "bb", "a/deep/c.json": "{}", "a/z": big, empty: "" });
    symlinkSync("/etc/passwd", join(output, "link"));
    symlinkSync("/etc", join(output, "links"));
    expect(await publishStage(run)).toBe(0);
    const files = await filesOf(run);
    expect(files.map((f) => [f.filename, f.mimeType, f.size, f.sha256, f.state, f.fileType])).toEqual([
      ["c.json", "application/json", 2, sha256("{}"), "AVAILABLE", "OTHER"],
      ["z", "application/octet-stream", 1_000_000, sha256(big), "AVAILABLE", "OTHER"],
      ["b.tif", "image/tiff", 2, sha256("bb"), "AVAILABLE", "OTHER"],
      ["empty", "application/octet-stream", 0, sha256(""), "AVAILABLE", "OTHER"],
    ]);
    expect(files[0]?.id).toBe(run.placeholder);
    expect((await world.bytesOf(files[1]?.id ?? 0)).toString()).toBe(big);
  });

  const bad: Record<string, { leave: (run: Run) => void; says: RegExp }> = {
    "without output": {
      leave: (run) => mkdirSync(join(run.work, "output"), { recursive: true }),
      says: /^Process 'crop' gave no output$/,
    },
    "with links only": {
      leave: (run) => {
        mkdirSync(join(run.work, "output"), { recursive: true });
        symlinkSync("/etc/passwd", join(run.work, "output/link"));
      },
      says: /^Process 'crop' gave no output$/,
    },
    "with a file larger than allowed": {
      leave: (run) => leave(run, { "a/large.bin": "x".repeat(2001) }),
      says: /^Process 'crop' gave a file larger than 2000 bytes: 'a\/large.bin' \(2001\)$/,
    },
    "with more files than can be": {
      leave: (run) => leave(run, Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`${i}`, ""]))),
      says: /^Process 'crop' gave more than 10000 files$/,
    },
    "with a file whose name is no text": {
      leave: (run) => {
        const output = leave(run, { good: "g" });
        writeFileSync(Buffer.concat([Buffer.from(`${output}/`), Buffer.from([0xff, 0xfe, 0x41])]), "x");
      },
      says: /^Process 'crop' left a file that cannot be read: /,
    },
  };
  for (const [name, { leave: act, says }] of Object.entries(bad)) {
    test(
      `P27: runPublishStage() ends a run ${name} as PROCESSING_ERROR, and says why`,
      async () => {
        await writeSetting(world.db, "max_file_bytes", 2000);
        const run = await aRun();
        act(run);
        expect(await publishStage(run)).toBe(0);
        await writeSetting(world.db, "max_file_bytes", 0);
        const [row, ...others] = await filesOf(run);
        expect(others).toEqual([]);
        expect(row).toMatchObject({ state: "PROCESSING_ERROR", error: expect.stringMatching(says) });
      },
      LIMIT.slow,
    );
  }

  test("runPublishStage() does it once: a repeat changes nothing, and another attempt's worker neither", async () => {
    const run = await aRun();
    leave(run, { one: "1" });
    expect(await publishStage(run, { attempt: 2 })).toBe(EXIT.unusable);
    expect(await publishStage(run)).toBe(0);
    const before = await filesOf(run);
    leave(run, { two: "2" });
    expect(await publishStage(run)).toBe(0);
    expect(await filesOf(run)).toEqual(before);
    // And its program does not run again.
    expect(await fetchStage(run)).toBe(EXIT.unusable);
  });

  test("runPublishStage() stores outputs again that were collected before they were published", async () => {
    const run = await aRun();
    leave(run, { one: "collected once" });
    let times = 0;
    const forget = async () => {
      if (++times === 1) await world.db`DELETE FROM blobs WHERE sha256 = decode(${sha256("collected once")}, 'hex')`;
    };
    const blobs: BlobStore = {
      ...world.blobs,
      put: async (hash, bytes) => {
        await world.blobs.put?.(hash, bytes);
        await forget();
      },
    };
    expect(await publishStage(run, { blobs })).toBe(0);
    expect(times).toBe(2);
    expect(await filesOf(run)).toMatchObject([{ filename: "one", state: "AVAILABLE" }]);
  });

  test("runPublishStage() gives up for a while when what it stores does not stay", async () => {
    const run = await aRun();
    leave(run, { one: "never stays" });
    const blobs: BlobStore = {
      ...world.blobs,
      put: async (hash, bytes) => {
        await world.blobs.put?.(hash, bytes);
        await world.db`DELETE FROM blobs WHERE sha256 = decode(${hash}, 'hex')`;
      },
    };
    expect(await publishStage(run, { blobs })).toBe(RETRY_EXIT.storage);
    expect(await filesOf(run)).toMatchObject([{ state: "PENDING" }]);
  });

  /** What a blob store writes counts as a write of the process that may die after it. */
  function mortalBlobs(life: ReturnType<typeof mortal>): BlobStore {
    const { blobs } = world;
    return {
      ...blobs,
      put: (hash, bytes) => life.write("put", () => blobs.put?.(hash, bytes) ?? Promise.resolve()),
      stage: async (key) => {
        const place = await blobs.stage(key);
        return {
          get size() {
            return place.size;
          },
          read: () => place.read(),
          write: (chunk) => life.write("stage", () => place.write(chunk)),
          truncate: () => place.truncate(),
          commit: (hash) => life.write("commit", () => place.commit(hash)),
          // The bytes of a process that has died stay where they were.
          abandon: () => (life.isDead() ? place.keep() : place.abandon()),
          keep: () => place.keep(),
        };
      },
    };
  }

  test("runPublishStage() may be killed after any of its writes, and comes to the same end when it is run again", async () => {
    const left = { "a.txt": "small a", "b/c.bin": "y".repeat(600_000), "d.txt": "small d" };
    const transport = { fetch: () => Promise.reject(new Error("no cluster")) } as never;
    for (let deaths = 0, i = 1; ; i++) {
      const run = await aRun();
      leave(run, left);
      const life = mortal({ transport, db: world.db }, i);
      const code = await publishStage(run, { db: life.db as Db, blobs: mortalBlobs(life) }).catch(
        (error: unknown) => error,
      );
      if (life.isDead()) {
        deaths++;
        expect(code).not.toBe(0);
        expect(await publishStage(run)).toBe(0);
      }
      const files = await filesOf(run);
      expect({
        after: `${i}: ${life.writes.at(-1)}`,
        files: files.map((f) => [f.filename, f.state, f.sha256]),
      }).toEqual({
        after: `${i}: ${life.writes.at(-1)}`,
        files: Object.entries(left).map(([path, content]) => [path.split("/").at(-1), "AVAILABLE", sha256(content)]),
      });
      expect(await subOrder(run)).toMatchObject({ files: { total: 3, available: 3 } });
      if (life.isDead()) continue;
      expect(code).toBe(0);
      expect(deaths).toBeGreaterThan(6);
      return;
    }
  });

  test(
    "runPublishStage() loses and doubles nothing when its program is killed at any moment",
    async () => {
      const run = await aRun();
      const contents = Array.from({ length: 60 }, (_, i) => `${i} of ${run.orderId} `.repeat(i === 0 ? 200_000 : 1000));
      leave(run, Object.fromEntries(contents.map((content, i) => [`${String(i).padStart(2, "0")}.bin`, content])));
      const stored = async () => (await world.db`SELECT FROM blobs`).count;
      const script = join(import.meta.dir, "../../test/support/worker-process.ts");
      const which = ["--order", `${run.orderId}`, "--sub-order", "1", "--attempt", "1", "--stage", "publish"];
      const start = () =>
        Bun.spawn([process.execPath, script, ...which, "--work", run.work], {
          env: { ...process.env, ORDER_DATABASE_URL: world.databaseUrl, ORDER_BLOBS_URL: world.blobsUrl },
          stdout: "ignore",
          stderr: "inherit",
        });
      const before = await stored();
      for (const share of [0, 0.1, 0.4, 0.8, 1]) {
        const child = start();
        const target = before + Math.floor(contents.length * share);
        await eventually(
          `${target} blobs are there, or it has ended`,
          async () => child.exitCode !== null || (await stored()) >= target,
          LIMIT.slow,
        );
        child.kill("SIGKILL");
        await child.exited;
      }
      const last = start();
      expect(await last.exited).toBe(0);
      const files = await filesOf(run);
      expect(files.map((file) => file.sha256)).toEqual(contents.map((content) => sha256(content)));
      expect(await subOrder(run)).toMatchObject({ files: { total: 60, available: 60 } });
    },
    4 * LIMIT.slow,
  );
});
