/** `cli/regards-order` and the program's manners: from anywhere, through a link, with the exit codes and words of a good tool. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "#test/support/folder.ts";
import { runProgram } from "#test/support/program.ts";
import { version } from "../../package.json" with { type: "json" };

const ROOT = join(import.meta.dir, "../..");
const LAUNCHER = join(ROOT, "cli/regards-order");
const STAMP = join(ROOT, "node_modules/.regards-order-setup");
const folder = temporaryFolder("launcher");
afterAll(() => folder.remove());

describe("cli/regards-order", () => {
  test("runs through a chain of links from another folder", async () => {
    symlinkSync(LAUNCHER, join(folder.path, "one"));
    symlinkSync("one", join(folder.path, "two"));
    const child = Bun.spawn([join(folder.path, "two"), "--version"], { cwd: folder.path, stdout: "pipe" });
    expect((await new Response(child.stdout).text()).trim()).toBe(version);
    expect(await child.exited).toBe(0);
  });

  test("looks whether the clone is set up when the lock file is newer, and does not install again for nothing", async () => {
    if (!existsSync(STAMP)) await Bun.spawn(["node", join(ROOT, "cli/setup.mjs")], { stderr: "ignore" }).exited;
    utimesSync(STAMP, 1, 1);
    const child = Bun.spawn([LAUNCHER, "--version"], { stdout: "pipe", stderr: "pipe" });
    expect((await new Response(child.stdout).text()).trim()).toBe(version);
    expect(await new Response(child.stderr).text()).toBe("");
  });

  test("leaves no process of its own between caller and program", async () => {
    const child = Bun.spawn([LAUNCHER, "order", "list"], {
      env: { ...process.env, XDG_CONFIG_HOME: folder.path },
      stderr: "pipe",
    });
    expect(await new Response(child.stderr).text()).toContain("Not signed in");
    expect(await child.exited).toBe(1);
  });
});

describe("regards-order", () => {
  test("explains every command with --help", async () => {
    const commands = [
      [],
      ["start"],
      ["user"],
      ["user", "add"],
      ["catalog"],
      ["quota"],
      ["settings"],
      ["login"],
      ["order"],
      ["order", "apply"],
    ];
    for (const command of commands) {
      const { code, stdout } = await runProgram([...command, "--help"]);
      expect([command, code]).toEqual([command, 0]);
      expect(stdout).toContain(["Usage: regards-order", ...command].join(" "));
    }
  });

  test("refuses what it does not know, with a word and a code", async () => {
    const { code, stderr, stdout } = await runProgram(["frobnicate"]);
    expect(code).not.toBe(0);
    expect(stderr).toContain("frobnicate");
    expect(stdout).toBe("");
  });

  test("keeps stacks for --debug", async () => {
    const env = { XDG_CONFIG_HOME: folder.path };
    expect((await runProgram(["order", "list"], { env })).stderr.trim().split("\n")).toHaveLength(1);
    expect((await runProgram(["--debug", "order", "list"], { env })).stderr).toMatch(/\n\s+at /);
  });
});
