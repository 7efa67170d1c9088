import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import { createGuard, isBelow } from "./guard.ts";
import type { SourceSettings } from "./rules.ts";

const now = () => new Date(0);
const OPEN: SourceSettings = {
  allowed_source_schemes: ["http", "https", "file"],
  allowed_source_hosts: ["*"],
  allowed_private_networks: [],
  allowed_file_roots: [],
  max_file_bytes: 0,
};

describe("createGuard().web()", () => {
  test("web() refuses a public name that resolves to a private address", async () => {
    const guard = createGuard(OPEN, { now, resolve: async () => ["169.254.169.254"] });
    expect(await guard.web(new URL("http://metadata.example/"), 0)).toMatchObject({
      kind: "refused",
      reason: expect.stringContaining("private or reserved"),
    });
  });

  test("web() names the address that was checked, and never a private one among several", async () => {
    const guard = createGuard(OPEN, { now, resolve: async () => ["10.0.0.1", "93.184.216.34", "93.184.216.35"] });
    const url = new URL("http://data.example/");
    const chosen = await Promise.all([0, 1, 2].map((turn) => guard.web(url, turn)));
    expect(chosen.map((verdict) => verdict.kind === "allowed" && verdict.value.address)).toEqual([
      "93.184.216.34",
      "93.184.216.35",
      "93.184.216.34",
    ]);
  });

  test("web() refuses loopback by name and by number with the machine's own resolver", async () => {
    const guard = createGuard(OPEN, { now });
    for (const host of ["localhost", "127.0.0.1", "2130706433", "0x7f.1", "[::1]", "[::ffff:7f00:1]"]) {
      expect((await guard.web(new URL(`http://${host}/`), 0)).kind).toBe("refused");
    }
  });

  test("web() asks the resolver again only after the answer grew old", async () => {
    let time = 0;
    let asked = 0;
    const resolve = async () => [`93.184.216.${++asked}`];
    const guard = createGuard(OPEN, { now: () => new Date(time), resolve });
    const url = new URL("http://data.example/");
    await guard.web(url, 0);
    await guard.web(url, 0);
    expect(asked).toBe(1);
    time = 60_000;
    expect(await guard.web(url, 0)).toMatchObject({ value: { address: "93.184.216.2" } });
  });
});

describe("createGuard().file()", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "guard-"));
    await mkdir(join(folder, "archive", "sub"), { recursive: true });
    await mkdir(join(folder, "archive-secret"));
    await writeFile(join(folder, "archive", "sub", "a.txt"), "inside");
    await writeFile(join(folder, "archive-secret", "b.txt"), "outside");
    await symlink(join(folder, "archive-secret", "b.txt"), join(folder, "archive", "link"));
    await symlink(join(folder, "archive-secret"), join(folder, "archive", "dir"));
    await symlink(join(folder, "archive", "sub", "a.txt"), join(folder, "archive", "inner"));
    Bun.spawnSync(["mkfifo", join(folder, "archive", "pipe")]);
  });
  afterAll(() => rm(folder, { recursive: true }));

  const cases: Record<string, { path: string; want: "allowed" | "refused" | "error" }> = {
    "a file below the folder": { path: "archive/sub/a.txt", want: "allowed" },
    "a link that stays inside": { path: "archive/inner", want: "allowed" },
    "a link that leads outside": { path: "archive/link", want: "refused" },
    "a folder link that leads outside": { path: "archive/dir/b.txt", want: "refused" },
    "a way out by dots": { path: "archive/sub/../../archive-secret/b.txt", want: "refused" },
    "a neighbour with the same beginning": { path: "archive-secret/b.txt", want: "refused" },
    "a folder": { path: "archive/sub", want: "refused" },
    "the allowed folder itself": { path: "archive", want: "refused" },
    "a named pipe": { path: "archive/pipe", want: "refused" },
    "a file that is not there": { path: "archive/none", want: "error" },
  };
  for (const [name, { path, want }] of Object.entries(cases)) {
    test(`file() answers '${want}' to ${name}`, async () => {
      const guard = createGuard({ ...OPEN, allowed_file_roots: [join(folder, "archive")] }, { now });
      const url = new URL(`file://${folder}/${path}`);
      const verdict = await guard.file(url).catch(() => ({ kind: "error" as const }));
      expect(verdict.kind).toBe(want);
      if (verdict.kind === "allowed") await verdict.value.handle.close();
    });
  }

  test("file() refuses devices although their folder is allowed", async () => {
    const guard = createGuard({ ...OPEN, allowed_file_roots: ["/dev"] }, { now });
    expect((await guard.file(pathToFileURL("/dev/zero"))).kind).toBe("refused");
  });

  test("file() refuses everything while no folder is allowed", async () => {
    const guard = createGuard(OPEN, { now });
    expect((await guard.file(pathToFileURL(join(folder, "archive/sub/a.txt")))).kind).toBe("refused");
  });
});

describe("isBelow()", () => {
  test("isBelow() is true exactly for paths made by adding names to the root", () => {
    const name = fc.stringMatching(/^[a-z]{1,4}$/);
    const path = fc.array(name, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(path, path, (root, other) => {
        const want = other.length > root.length && root.every((part, i) => part === other[i]);
        expect(isBelow(`/${other.join("/")}`, `/${root.join("/")}`)).toBe(want);
      }),
    );
  });
});
