import { afterAll, describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "#test/support/folder.ts";
import { homeHolder, lockHome, tellHolder } from "./home-lock.ts";

const folder = temporaryFolder("lock");
afterAll(() => folder.remove());

/** Takes the lock in another process, which then waits to be killed. */
async function holder(home: string) {
  const program = `
    const { lockHome } = await import(${JSON.stringify(join(import.meta.dir, "home-lock.ts"))});
    const lock = lockHome(${JSON.stringify(home)}, "start");
    console.log("release" in lock ? "held" : "refused");
    setInterval(() => lock, 1000);`;
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "inherit" });
  const { value } = await child.stdout.getReader().read();
  return { child, said: new TextDecoder().decode(value).trim() };
}

describe("lockHome()", () => {
  test("is refused while another process holds it, and says which", async () => {
    const home = join(folder.path, "held");
    const { child, said } = await holder(home);
    expect(said).toBe("held");
    expect(lockHome(home, "start")).toEqual({ heldBy: { pid: child.pid, command: "start" } });
    child.kill("SIGKILL");
    await child.exited;
  });

  test("is given back by kill -9", async () => {
    const home = join(folder.path, "killed");
    const { child } = await holder(home);
    child.kill("SIGKILL");
    await child.exited;
    const lock = lockHome(home, "start");
    expect("release" in lock).toBe(true);
    if ("release" in lock) lock.release();
  });

  test("is given back by release", async () => {
    const home = join(folder.path, "released");
    const lock = lockHome(home, "start");
    if ("release" in lock) lock.release();
    const { child, said } = await holder(home);
    expect(said).toBe("held");
    child.kill("SIGKILL");
    await child.exited;
  });
});

describe("tellHolder()", () => {
  test("leaves word that only the owner of the home can read", () => {
    const home = join(folder.path, "word");
    const lock = lockHome(home, "start");
    tellHolder(home, { pid: 12, command: "start", url: "http://127.0.0.1:9043" });
    expect(homeHolder(home)).toEqual({ pid: 12, command: "start", url: "http://127.0.0.1:9043" });
    expect(statSync(join(home, "holder.json")).mode & 0o777).toBe(0o600);
    if ("release" in lock) lock.release();
  });
});
