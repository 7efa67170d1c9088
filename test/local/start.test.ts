/** `start` as a person runs it: ready, refused, stopped, killed, started again. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { temporaryFolder } from "#test/support/folder.ts";
import { processesOf } from "#test/support/processes.ts";
import { type RunningStart, runProgram, startProgram } from "#test/support/program.ts";

const folder = temporaryFolder("start");
const started: RunningStart[] = [];
afterEach(async () => {
  for (const service of started.splice(0)) await service.end("SIGKILL");
  await eventually("every process is gone", () => processesOf(folder.path).length === 0, LIMIT.slow);
});
afterAll(() => folder.remove());

async function start(home: string, options: Parameters<typeof startProgram>[1] = {}): Promise<RunningStart> {
  const service = await startProgram(home, options);
  started.push(service);
  return service;
}

describe("start", () => {
  test("is ready, answers, hides its secrets, and is gone within 10 s of SIGTERM", async () => {
    const home = join(folder.path, "plain");
    const service = await start(home);
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
    for (const secret of ["kubeconfig", "jwt-secret", "postgres/connection.json"]) {
      expect([secret, statSync(join(home, secret)).mode & 0o777]).toEqual([secret, 0o600]);
    }
    const began = performance.now();
    expect(await service.end("SIGTERM")).toBe(0);
    expect(performance.now() - began).toBeLessThan(10_000);
    expect(processesOf(home)).toEqual([]);
  });

  test("is refused on a home where another one runs, and does not disturb it", async () => {
    const home = join(folder.path, "twice");
    const service = await start(home);
    const second = await runProgram(["start", "--home", home, "--port", "0", "--kube-port", "0"]);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`process ${service.pid}`);
    expect(second.stderr).toContain(service.url);
    expect((await fetch(`${service.url}/readyz`)).status).toBe(200);
  });

  test("keeps users over a restart, and over kill -9", async () => {
    const home = join(folder.path, "killed");
    const add = (email: string) =>
      runProgram(["user", "add", email, "--home", home, "--password-stdin"], { input: "pw" });
    const first = await start(home);
    expect((await add("running@example.org")).code).toBe(0);
    await first.end("SIGKILL");
    expect((await add("stopped@example.org")).code).toBe(0);
    await start(home);
    const list = await runProgram(["user", "list", "--home", home]);
    expect(list.stdout).toMatch(/running@example.org.*\n.*stopped@example.org/);
  });

  test("ends with a word when its database dies, and starts again", async () => {
    const home = join(folder.path, "database");
    const service = await start(home);
    const { folder: place } = JSON.parse(readFileSync(join(home, "postgres/connection.json"), "utf8"));
    process.kill(Number(readFileSync(join(place, "data/postmaster.pid"), "utf8").split("\n")[0]), "SIGKILL");
    await eventually(
      "the service ends",
      () => !existsSync(`/proc/${service.pid}`) || service.log().includes("PostgreSQL"),
    );
    expect(service.log()).toContain("PostgreSQL has ended");
    const again = await eventually("its processes are gone", () => processesOf(home).length === 0, LIMIT.slow).then(
      () => start(home),
    );
    expect((await fetch(`${again.url}/readyz`)).status).toBe(200);
  });

  const refused: Record<string, { args: string[]; env?: Record<string, string>; want: string }> = {
    "a port that is none": { args: ["--port", "99999"], want: "A port number is needed" },
    "a tenant that is no name": { args: ["--tenant", "No Tenant"], want: "tenant" },
    "a public address that is none": { args: ["--public-url", "nonsense"], want: "Cannot use 'nonsense'" },
    "a home that cannot be made": { args: ["--home", "/dev/null/home"], want: "/dev/null/home" },
    "a database that is not there": {
      args: [],
      env: { ORDER_DATABASE_URL: "postgres://nobody@127.0.0.1:9/none" },
      want: "database",
    },
    "an option that does not exist": { args: ["--nonsense"], want: "unknown option '--nonsense'" },
  };
  for (const [name, { args, env = {}, want }] of Object.entries(refused)) {
    test(`refuses ${name} with one clear line`, async () => {
      const home = join(folder.path, "refused");
      const outcome = await runProgram(["start", "--home", home, "--port", "0", "--kube-port", "0", ...args], { env });
      expect(outcome.code).not.toBe(0);
      expect(outcome.stderr).toContain(want);
      expect(outcome.stderr).not.toMatch(/\n\s+at /);
      expect(outcome.stdout).toBe("");
    });
  }
});
