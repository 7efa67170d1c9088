/** The README's walk over two real scenes: user, catalogue, sign in, order by query, wait, download, verify; and what may go wrong. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "#test/support/folder.ts";
import { type RunningStart, runProgram, startProgram } from "#test/support/program.ts";
import type { Finished } from "#test/support/run-command.ts";

const DATA = join(import.meta.dir, "../../../shared/data/landsat");
const present = existsSync(join(DATA, "collection.json"));
if (!present) process.stderr.write(`Skipped: no test data at ${DATA}\n`);
const SCENE = "LC08_L2SP_005009_20150710_20200908_02_T2";
const QUERY = 'platform:"landsat-8" AND eo:cloud_cover:[0 TO 60]';
const LONG_MS = 60_000;

const folder = temporaryFolder("order");
const home = join(folder.path, "home");
const env = { ORDER_HOME: home, XDG_CONFIG_HOME: join(folder.path, "config") };
let service: RunningStart | undefined;

/** Runs a command that must succeed; its stdout. */
async function good(args: readonly string[], input = ""): Promise<string> {
  const outcome = await run(args, input);
  if (outcome.code !== 0) throw new Error(`'${args.join(" ")}' ended with ${outcome.code}: ${outcome.stderr}`);
  return outcome.stdout;
}
const run = (args: readonly string[], input = ""): Promise<Finished> =>
  runProgram(args, { env, input, cwd: folder.path });

describe.skipIf(!present)("the README's walk", () => {
  beforeAll(async () => {
    service = await startProgram(home);
    for (const user of ["alice@example.org", "bob@example.org"]) {
      await good(["user", "add", user, "--role", "REGISTERED_USER", "--password-stdin"], "secret\n");
    }
    await good(["catalog", "import", join(DATA, "collection.json")]);
    await good(["login", service.url, "--user", "alice@example.org", "--password-stdin"], "secret\n");
  }, LONG_MS);
  afterAll(async () => {
    await service?.end("SIGTERM");
    folder.remove();
  });

  test("login keeps the token where only its owner can read it, and refuses a wrong password", async () => {
    expect(statSync(join(env.XDG_CONFIG_HOME, "regards-order/session.json")).mode & 0o777).toBe(0o600);
    const wrong = await run(["login", service?.url ?? "", "--user", "bob@example.org", "--password-stdin"], "guess\n");
    expect([wrong.code, wrong.stderr.trim()]).toEqual([
      1,
      "regards-order: Cannot sign in as 'bob@example.org': unknown user or wrong password",
    ]);
  });

  test(
    "orders by query, waits, and has every file of the scene, byte for byte",
    async () => {
      const stdout = await good(["order", "apply", "--query", QUERY, "--wait", "--label", "scene"]);
      expect(stdout).toMatch(/^order 1 GRANTED \(correlation id .+\)$/m);
      const output = await run(["order", "download", "1", "-o", "out.zip"]);
      expect(output.stdout).toBe("archive out.zip\n");
      expect(output.stderr).toMatch(/verified: CRC-32 of 2[56] entries .* and the catalogue's checksum of 2[56] files/);
      await Bun.spawn(["unzip", "-q", "out.zip", "-d", "out"], { cwd: folder.path }).exited;
      const sums = (path: string) =>
        Object.fromEntries(
          readdirSync(path)
            .filter((name) => name !== `${SCENE}.json`)
            .map((name) => [
              name,
              createHash("sha256")
                .update(readFileSync(join(path, name)))
                .digest("hex"),
            ]),
        );
      expect(sums(join(folder.path, "out"))).toEqual(sums(join(DATA, SCENE)));
    },
    LONG_MS,
  );

  test(
    "apply --download takes only the kinds and names asked for",
    async () => {
      const args = ["--type", "RAWDATA", "--name-pattern", ".*_SR_B[234]\\.TIF", "--download", "bands.zip"];
      expect(await good(["order", "apply", "--query", QUERY, ...args])).toContain("archive bands.zip\n");
      const list = Bun.spawn(["unzip", "-Z1", "bands.zip"], { cwd: folder.path, stdout: "pipe" });
      const names = (await new Response(list.stdout).text()).trim().split("\n").sort();
      expect(names).toEqual(["B2", "B3", "B4"].map((band) => `${SCENE}_SR_${band}.TIF`));
    },
    LONG_MS,
  );

  test(
    "download goes on with the part that an interrupted one left",
    async () => {
      const applied = JSON.parse(await good(["order", "apply", "--query", QUERY, "--wait", "--json"]));
      const id: number = applied.orderId;
      const first = await beginArchive(id, 100_000);
      writeFileSync(join(folder.path, "again.zip.part"), first.bytes);
      const mark = { source: `${service?.url} default ${id}`, etag: first.etag, size: first.size };
      writeFileSync(join(folder.path, "again.zip.part.json"), JSON.stringify(mark));
      const again = await run(["order", "download", String(id), "-o", "again.zip"]);
      expect([again.code, again.stderr]).toEqual([0, expect.stringContaining("resumed at 100 kB")]);
      expect(again.stderr).toContain("the catalogue's checksum of 25 files");
      const whole = readFileSync(join(folder.path, "again.zip"));
      expect([whole.byteLength, whole.subarray(0, 100_000).equals(first.bytes)]).toEqual([first.size, true]);
      const twice = await run(["order", "download", String(id), "-o", "twice.zip"]);
      expect([twice.code, twice.stderr]).toEqual([1, expect.stringContaining("downloaded already")]);
    },
    LONG_MS,
  );

  test("the same correlation id is the same order", async () => {
    const args = ["order", "apply", "--query", QUERY, "--correlation-id", "once", "--json"];
    const [first, second] = [JSON.parse(await good(args)), JSON.parse(await good(args))];
    expect(second.orderId).toBe(first.orderId);
    const other = await run(["order", "apply", "--query", 'platform:"landsat-8"', "--correlation-id", "once"]);
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining("Cannot order: ")]);
  });

  test("list, get and watch show how orders stand", async () => {
    const list = await good(["order", "list"]);
    expect(list.split("\n")[0]).toMatch(/^ *ID +LABEL +STATUS +% +READY +FAILED +FILES +SIZE +CREATED +EXPIRES$/);
    expect(list).toMatch(/1 +scene +DONE +100/);
    const get = await good(["order", "get", "1"]);
    expect(get).toMatch(/^Status: +DONE$/m);
    expect(get).toMatch(/^DATASET +PRODUCTS +FILES +SIZE$/m);
    expect(JSON.parse(await good(["order", "get", "1", "--json"])).label).toBe("scene");
    expect(await good(["order", "watch", "1"])).toMatch(/^Progress: +100 %$/m);
  });

  const refused: Record<string, { args: string[]; want: RegExp }> = {
    "a query that finds nothing": { args: ["apply", "--query", 'platform:"none"'], want: /Cannot order: .+/ },
    "a query that cannot be read": { args: ["apply", "--query", "platform:["], want: /Cannot order: .+/ },
    "an unknown field": { args: ["apply", "--query", 'nonsense:"x"'], want: /Cannot order: .+/ },
    "a pattern that is none": { args: ["apply", "--query", QUERY, "--name-pattern", "("], want: /Cannot order: .+/ },
    "an order over the size limit": {
      args: ["apply", "--query", QUERY, "--size-limit", "1K"],
      want: /Cannot order: .+/,
    },
    "a kind that does not exist": { args: ["apply", "--query", QUERY, "--type", "X"], want: /RAWDATA, QUICKLOOK/ },
    "an order that does not exist": { args: ["get", "4711"], want: /Cannot read order 4711: .*404/ },
    "a label that is taken": { args: ["apply", "--query", QUERY, "--label", "scene"], want: /Cannot order: .+/ },
    "pausing what has ended": { args: ["pause", "1"], want: /Cannot pause order 1: .+/ },
  };
  for (const [name, { args, want }] of Object.entries(refused)) {
    test(`refuses ${name} with one clear line`, async () => {
      const outcome = await run(["order", ...args]);
      expect([outcome.code, outcome.stdout]).toEqual([1, ""]);
      expect(outcome.stderr).toMatch(want);
      expect(outcome.stderr).not.toMatch(/\n\s+at /);
    });
  }

  test("another user sees nothing of it", async () => {
    await good(["login", service?.url ?? "", "--user", "bob@example.org", "--password-stdin"], "secret\n");
    expect((await run(["order", "list"])).stderr).toBe("No orders.\n");
    const download = await run(["order", "download", "1"]);
    expect([download.code, download.stdout]).toEqual([1, ""]);
    await good(["login", service?.url ?? "", "--user", "alice@example.org", "--password-stdin"], "secret\n");
  });

  test("delete gives back the files", async () => {
    expect(await good(["order", "delete", "1"])).toBe("order 1 is being deleted\n");
    expect((await run(["order", "download", "1"])).code).toBe(1);
  });
});

/** The first bytes of an order's archive, as an interrupted download leaves them. */
async function beginArchive(id: number, length: number): Promise<{ bytes: Buffer; etag: string; size: number }> {
  const { url, token } = JSON.parse(readFileSync(join(env.XDG_CONFIG_HOME, "regards-order/session.json"), "utf8"));
  const response = await fetch(`${url}/api/v1/rs-order/user/orders/${id}/download`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    if (Buffer.concat(chunks).byteLength >= length) break;
  }
  const bytes = Buffer.concat(chunks).subarray(0, length);
  return { bytes, etag: response.headers.get("ETag") ?? "", size: Number(response.headers.get("Content-Length")) };
}
