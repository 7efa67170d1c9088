/** What the folder store promises when the disk is full and when its process is killed. */
import { afterAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { eventually } from "#test/support/eventually.ts";
import { temporaryFolder } from "#test/support/folder.ts";
import { folderBlobStore } from "./folder.ts";

const folder = temporaryFolder("folder-store");
afterAll(() => folder.remove());

const STORE = JSON.stringify(join(import.meta.dir, "folder.ts"));

/** Runs a program that gets `folderBlobStore`, in a process of its own. */
function run(program: string, wrap: readonly string[] = []) {
  const script = `import { folderBlobStore } from ${STORE};\n${program}`;
  return Bun.spawn([...wrap, process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
}

test("folderBlobStore() leaves whole blobs only when it is killed at any point", async () => {
  const root = join(folder.path, "killed");
  const writing = `
    import { createHash } from "node:crypto";
    const blobs = await folderBlobStore(${JSON.stringify(root)});
    for (let n = Number(process.argv.at(-1) ?? 0); ; n++) {
      const staging = await blobs.stage("source-" + n % 7);
      await staging.truncate();
      const bytes = Buffer.alloc(200_000 + n, String(n));
      for (let i = 0; i < bytes.length; i += 50_000) await staging.write(bytes.subarray(i, i + 50_000));
      await staging.commit(createHash("sha256").update(bytes).digest("hex"));
    }`;
  const blobs = await folderBlobStore(root);
  let seen = 0;
  for (let round = 0; round < 4; round++) {
    const writer = run(`process.argv.push("${round * 1000}");${writing}`);
    await eventually(
      "the writer has stored more blobs",
      async () => (await Array.fromAsync(blobs.list())).length > seen + 3,
    );
    writer.kill("SIGKILL");
    await writer.exited;
    const stored = await Array.fromAsync(blobs.list());
    for (const { sha256 } of stored) {
      const bytes = await new Response(await blobs.open(sha256)).arrayBuffer();
      expect(createHash("sha256").update(Buffer.from(bytes)).digest("hex")).toBe(sha256);
    }
    seen = stored.length;
  }
});

test("stage() goes on with the bytes of a killed process, and that of an earlier start of the machine from nothing", async () => {
  const root = join(folder.path, "resumed");
  const writer = run(`
    const staging = await (await folderBlobStore(${JSON.stringify(root)})).stage("source");
    await staging.write(Buffer.from("first half, "));
    process.stdout.write("written");
    await new Promise(() => {});`);
  await writer.stdout.getReader().read();
  writer.kill("SIGKILL");
  await writer.exited;
  const blobs = await folderBlobStore(root);
  const staging = await blobs.stage("source");
  expect(await new Response(staging.read()).text()).toBe("first half, ");
  await staging.abandon();

  const own = join(root, "staging", createHash("sha256").update("source").digest("hex").slice(0, 40));
  await mkdir(own, { recursive: true });
  await writeFile(join(own, `${"0".repeat(32)}-lost.part`), "zeros after a power cut");
  const fresh = await blobs.stage("source");
  expect(fresh.size).toBe(0);
  await fresh.abandon();
});

test("stage() gives a second writer bytes of its own: the first cannot spoil them", async () => {
  const blobs = await folderBlobStore(join(folder.path, "rivals"));
  const late = await blobs.stage("source");
  await late.write(Buffer.from("abc"));
  const rival = await blobs.stage("source");
  await late.write(Buffer.from("SPOILT"));
  await rival.write(Buffer.from("def"));
  const sha256 = createHash("sha256").update("abcdef").digest("hex");
  await rival.commit(sha256);
  await late.write(Buffer.from("SPOILT"));
  expect(await new Response(await blobs.open(sha256)).text()).toBe("abcdef");
  await expect(late.commit("0".repeat(64))).rejects.toThrow("ENOENT");
  await late.abandon();
});

describe.skipIf(!mayMount())("folderBlobStore() on a small disk", () => {
  test("write() tells BlobStoreFull, freeBytes() the room left, and the store works on once there is room", async () => {
    const disk = join(folder.path, "disk");
    await mkdir(disk);
    const program = `
      import { spawnSync } from "node:child_process";
      spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", ${JSON.stringify(disk)}]);
      const blobs = await folderBlobStore(${JSON.stringify(disk)});
      const free = await blobs.freeBytes();
      const staging = await blobs.stage("large");
      const error = await staging.write(Buffer.alloc(2_000_000)).catch((e) => e);
      await staging.abandon();
      const small = await blobs.stage("small");
      await small.write(Buffer.from("fits"));
      await small.commit("0".repeat(64));
      console.log(JSON.stringify({ free, error: error.name, message: error.message, size: await blobs.size("0".repeat(64)) }));`;
    const child = run(program, ["unshare", "-rm"]);
    const told = JSON.parse(await new Response(child.stdout).text());
    expect(told).toEqual({
      free: expect.any(Number),
      error: "BlobStoreFull",
      message: `Cannot store bytes in '${pathToFileURL(disk).href}': no space left`,
      size: 4,
    });
    expect(told.free).toBeGreaterThan(900_000);
    expect(told.free).toBeLessThanOrEqual(1_048_576);
  });
});

function mayMount(): boolean {
  const { exitCode } = Bun.spawnSync(["unshare", "-rm", "true"]);
  if (exitCode === 0) return true;
  if (process.env["TEST_REQUIRE_ALL"] === "1") throw new Error("Cannot test a full disk: unshare is not allowed");
  console.warn("The test of a full disk is skipped: unshare is not allowed");
  return false;
}

test("publishing syncs: a blob is a plain file below two levels of folders", async () => {
  const root = join(folder.path, "layout");
  const blobs = await folderBlobStore(root);
  const staging = await blobs.stage("x");
  await staging.commit(`abcd${"0".repeat(60)}`);
  expect((await stat(join(root, "blobs", "ab", "cd", `abcd${"0".repeat(60)}`))).isFile()).toBe(true);
  expect(blobs.path?.(`abcd${"0".repeat(60)}`)).toBe(join(root, "blobs", "ab", "cd", `abcd${"0".repeat(60)}`));
});
