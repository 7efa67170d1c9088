/** Sources that lie, lack files or are not ready, through the whole program: the order ends, says why, and delivers the rest. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "#test/support/folder.ts";
import { type RunningStart, runProgram, startProgram } from "#test/support/program.ts";
import { type SourceServer, sourceServer } from "#test/support/source-server.ts";

const LONG_MS = 90_000;
const folder = temporaryFolder("bad-sources");
const home = join(folder.path, "home");
const env = { ORDER_HOME: home, XDG_CONFIG_HOME: join(folder.path, "config") };
const content = Buffer.from("what the archive really holds\n");
const late = Buffer.from("what a tape robot has to find first\n");
const gone = Buffer.from("what is put back later\n");
const sha256 = (bytes: Uint8Array) => `1220${createHash("sha256").update(bytes).digest("hex")}`;
let source: SourceServer;
let service: RunningStart;

async function good(args: readonly string[], input = ""): Promise<string> {
  const outcome = await runProgram(args, { env, input, cwd: folder.path });
  if (outcome.code !== 0) throw new Error(`'${args.join(" ")}' ended with ${outcome.code}: ${outcome.stderr}`);
  return outcome.stdout;
}

const truth = (bytes: Uint8Array) => ({ size: bytes.length, checksum: sha256(bytes) });

/** A STAC item with one file, as the catalogue believes it to be. */
function item(name: string, file: { size: number; checksum: string }): string {
  const asset = { href: `${source.url}/${name}.bin?signature=secret`, roles: ["data"] };
  return JSON.stringify({
    type: "Feature",
    stac_version: "1.0.0",
    id: name,
    collection: "bad",
    geometry: null,
    properties: { datetime: "2026-01-01T00:00:00Z", platform: "bad-1" },
    links: [],
    assets: { data: { ...asset, "file:size": file.size, "file:checksum": file.checksum } },
  });
}

beforeAll(async () => {
  const file = { bytes: content };
  source = await sourceServer({
    "/good.bin": file,
    "/size.bin": file,
    "/checksum.bin": file,
    "/late.bin": { bytes: late, first: [{ status: 202, headers: { "retry-after": "1" } }] },
  });
  const items = [
    item("good", truth(content)),
    item("late", truth(late)),
    item("gone", truth(gone)),
    item("size", { size: content.length + 1, checksum: sha256(Buffer.from("longer")) }),
    item("checksum", { size: content.length, checksum: sha256(Buffer.from("what it was once")) }),
  ];
  writeFileSync(join(folder.path, "items.ndjson"), items.join("\n"));
  service = await startProgram(home);
  await good(["user", "add", "a@example.org", "--password-stdin"], "pw");
  await good(["settings", "set", "allowed_private_networks", JSON.stringify([`127.0.0.1:${source.port}`])]);
  await good(["catalog", "import", join(folder.path, "items.ndjson")]);
  await good(["login", service.url, "--user", "a@example.org", "--password-stdin"], "pw");
}, LONG_MS);
afterAll(async () => {
  await service?.end("SIGTERM");
  source?.stop();
  folder.remove();
});

describe("an order from bad sources", () => {
  test(
    "waits for what is not ready, gives up what is not right, and says why of each file",
    async () => {
      await good(["order", "apply", "--query", 'platform:"bad-1"']);
      const shown = await good(["order", "watch", "1"]);
      expect(shown).toMatch(/Status:\s+DONE_WITH_WARNING/);
      expect(shown).toContain("3 of 5 files could not be had");
      expect(shown).toMatch(/^gone\.bin\s.*404/m);
      expect(shown).toMatch(new RegExp(`^size\\.bin\\s.*${content.length + 1}.*${content.length}`, "m"));
      expect(shown).toMatch(/^checksum\.bin\s.*checksum/im);
      expect(shown).not.toContain("secret");
      expect(source.requests.filter(({ path }) => path.startsWith("/late.bin"))).toHaveLength(2);
    },
    LONG_MS,
  );

  test(
    "delivers what is there",
    async () => {
      expect(await good(["order", "download", "1", "-o", "out.zip"])).toBe("archive out.zip\n");
      const list = Bun.spawnSync(["unzip", "-Z1", join(folder.path, "out.zip")]);
      expect(list.stdout.toString().trim().split("\n").sort()).toEqual(["good.bin", "late.bin"]);
    },
    LONG_MS,
  );

  test(
    "is mended by a retry once its source is right again, and fetches only what had failed",
    async () => {
      source.files.set("/gone.bin", { bytes: gone });
      const before = source.requests.filter(({ path }) => path.startsWith("/good.bin")).length;
      await good(["order", "retry", "1"]);
      const shown = await good(["order", "watch", "1"]);
      expect(shown).toContain("2 of 5 files could not be had");
      expect(source.requests.filter(({ path }) => path.startsWith("/good.bin"))).toHaveLength(before);
    },
    LONG_MS,
  );
});
