/** The embedded server against the real thing: it starts, keeps what was written, and copes with every way of being killed. */
import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { temporaryFolder } from "#test/support/folder.ts";
import { isAlive, readPidFile } from "./processes.ts";
import { runningPostgres, startPostgres } from "./server.ts";

const GONE_MS = 10_000;
const folder = temporaryFolder("postgres");
const homes: string[] = [];
afterAll(() => {
  for (const home of homes) rmSync(dataIn(home), { recursive: true, force: true });
  folder.remove();
});

function newHome(name: string): string {
  const home = join(folder.path, name);
  homes.push(home);
  return home;
}

const placeOf = (home: string) => JSON.parse(readFileSync(join(home, "postgres/connection.json"), "utf8"));
const dataIn = (home: string): string => join(placeOf(home).folder, "data");

async function query<T>(url: string, text: string): Promise<T[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    return await sql.unsafe<T[]>(text);
  } finally {
    await sql.end();
  }
}

/** Another process that starts the server of `home` and holds it until it is killed. */
async function holder(home: string) {
  const program = `
    const { startPostgres } = await import(${JSON.stringify(join(import.meta.dir, "server.ts"))});
    const server = await startPostgres({ home: ${JSON.stringify(home)}, durable: true });
    console.log(JSON.stringify({ url: server.url, pid: server.pid }));
    setInterval(() => {}, 1000);`;
  const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "inherit" });
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const server: { url: string; pid: number } = JSON.parse(new TextDecoder().decode(value));
  return { child, ...server };
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + GONE_MS;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${GONE_MS} ms`);
    await Bun.sleep(10);
  }
}

describe("startPostgres()", () => {
  test("keeps what was written over a restart, on the same address", async () => {
    const home = newHome("restart");
    const first = await startPostgres({ home });
    await query(first.url, "CREATE TABLE t (x int); INSERT INTO t VALUES (1)");
    await first.stop();
    expect(isAlive(first.pid)).toBe(false);
    expect(runningPostgres(home)).toBeUndefined();
    const second = await startPostgres({ home });
    expect(second.url).toBe(first.url);
    expect(runningPostgres(home)).toBe(second.url);
    expect(await query(second.url, "SELECT x FROM t")).toEqual([{ x: 1 }]);
    await second.stop();
  });

  test("asks for the password and listens on the loopback only", async () => {
    const home = newHome("password");
    const server = await startPostgres({ home, durable: false });
    const wrong = new URL(server.url);
    wrong.password = "wrong";
    await expect(query(wrong.href, "SELECT 1")).rejects.toThrow("password authentication failed");
    expect(await query(server.url, "SHOW listen_addresses")).toEqual([{ listen_addresses: "127.0.0.1" }]);
    await server.stop();
  });

  test("does not outlive a starter that is killed with -9, and the next start has every committed row", async () => {
    const home = newHome("starter");
    const held = await holder(home);
    await query(held.url, "CREATE TABLE t AS SELECT generate_series(1, 1000) x");
    held.child.kill("SIGKILL");
    await held.child.exited;
    const next = await startPostgres({ home });
    expect(isAlive(held.pid)).toBe(false);
    expect(await query(next.url, "SELECT count(*)::int n FROM t")).toEqual([{ n: 1000 }]);
    await next.stop();
  });

  test("recovers from a postmaster that was killed with -9 together with its starter", async () => {
    const home = newHome("both");
    const held = await holder(home);
    await query(held.url, "CREATE TABLE t AS SELECT generate_series(1, 1000) x");
    held.child.kill("SIGKILL");
    process.kill(held.pid, "SIGKILL");
    await until("postmaster gone", () => !isAlive(held.pid));
    const next = await startPostgres({ home });
    expect(next.found).toBe("stale");
    expect(await query(next.url, "SELECT count(*)::int n FROM t")).toEqual([{ n: 1000 }]);
    await next.stop();
  });

  test("stops a server that a killed starter left running", async () => {
    const home = newHome("orphan");
    const orphan = await startPostgres({ home });
    await query(orphan.url, "CREATE TABLE t AS SELECT 1 x");
    const next = await startPostgres({ home });
    expect(next.found).toBe("stopped");
    expect(isAlive(orphan.pid)).toBe(false);
    expect(await query(next.url, "SELECT x FROM t")).toEqual([{ x: 1 }]);
    await next.stop();
  });

  test("knows a process that has ended from one that runs, also while nobody waited for it", async () => {
    const parent = Bun.spawn(["sh", "-c", "sleep 0 & echo $!; exec sleep 60"], { stdout: "pipe" });
    const { value } = await parent.stdout.getReader().read();
    const pid = Number(new TextDecoder().decode(value));
    await until("it has ended", () => !isAlive(pid));
    expect(isAlive(parent.pid)).toBe(true);
    expect(() => process.kill(pid, 0)).not.toThrow();
    parent.kill("SIGKILL");
    await parent.exited;
  });

  test("is not deceived by a pid file whose number belongs to another process", async () => {
    const home = newHome("reused");
    const first = await startPostgres({ home });
    const pidFile = readFileSync(join(dataIn(home), "postmaster.pid"), "utf8");
    await first.stop();
    writeFileSync(join(dataIn(home), "postmaster.pid"), pidFile.replace(/^\d+/, String(process.pid)));
    const second = await startPostgres({ home });
    expect(second.found).toBe("stale");
    expect(readPidFile(dataIn(home))?.pid).toBe(second.pid);
    await second.stop();
  });

  test("takes another port when the usual one is taken meanwhile", async () => {
    const home = newHome("port");
    const first = await startPostgres({ home, durable: false });
    await first.stop();
    const port = Number(new URL(first.url).port);
    const squatter = Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } });
    const second = await startPostgres({ home, durable: false });
    expect(new URL(second.url).port).not.toBe(String(port));
    expect(await query(second.url, "SELECT 1 x")).toEqual([{ x: 1 }]);
    await second.stop();
    squatter.stop();
  });

  test("refuses a data folder of another major version, and leaves it alone", async () => {
    const home = newHome("version");
    const first = await startPostgres({ home, durable: false });
    await first.stop();
    writeFileSync(join(dataIn(home), "PG_VERSION"), "12\n");
    await expect(startPostgres({ home, durable: false })).rejects.toThrow("was made by version 12");
    expect(existsSync(join(dataIn(home), "base"))).toBe(true);
  });
});
