/** An order in flight while the service is stopped, or killed with -9: the next start finishes it, every file right. */
import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { makeArchive } from "#local/demo/archive.ts";
import { serveArchive } from "#local/demo/web-server.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { temporaryFolder } from "#test/support/folder.ts";
import { processesOf } from "#test/support/processes.ts";
import { type RunningStart, runProgram, startProgram } from "#test/support/program.ts";

const LONG_MS = 120_000;
const folder = temporaryFolder("interruption");
const archive = makeArchive();
const web = serveArchive(archive, { chunkDelayMs: 40 });
let service: RunningStart | undefined;
afterEach(async () => {
  await service?.end("SIGKILL");
  await eventually("every process is gone", () => processesOf(folder.path).length === 0, LIMIT.slow);
});
afterAll(async () => {
  await web.stop();
  folder.remove();
});

for (const signal of ["SIGTERM", "SIGKILL"] as const) {
  describe(`an order in flight at ${signal}`, () => {
    test(
      "is finished by the next start",
      async () => {
        const home = join(folder.path, signal);
        const env = { ORDER_HOME: home, XDG_CONFIG_HOME: join(folder.path, `${signal}-config`) };
        const good = async (args: readonly string[], input = "") => {
          const outcome = await runProgram(args, { env, input, cwd: folder.path });
          if (outcome.code !== 0) throw new Error(`'${args.join(" ")}': ${outcome.stderr}`);
          return outcome.stdout;
        };
        service = await startProgram(home);
        await good(["user", "add", "a@example.org", "--password-stdin"], "pw");
        await good(["settings", "set", "allowed_private_networks", JSON.stringify([web.host])]);
        await good(["settings", "set", "sub_order_max_files", "10"]);
        for (const path of archive.collections) await good(["catalog", "import", `${web.url}${path}`]);
        const login = () => good(["login", service?.url ?? "", "--user", "a@example.org", "--password-stdin"], "pw");
        await login();
        await good(["order", "apply", "--query", 'platform:"skua-1"']);
        const order = async () => JSON.parse(await good(["order", "get", "1", "--json"]));
        await eventually("some files are there", async () => (await order()).availableFilesCount > 5, LIMIT.slow);
        await service.end(signal);
        if (signal === "SIGTERM") expect(processesOf(home)).toEqual([]);
        service = await startProgram(home);
        await login();
        const left = await order();
        expect(left.status).not.toBe("DONE");
        await good(["order", "watch", "1"]);
        const stdout = await good(["order", "download", "1", "-o", `${signal}.zip`]);
        expect(stdout).toBe(`archive ${signal}.zip\n`);
        const done = await order();
        expect([done.status, done.filesInErrorCount]).toEqual(["DONE", 0]);
      },
      LONG_MS,
    );
  });
}
