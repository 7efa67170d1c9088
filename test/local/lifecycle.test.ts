/** What a user does with orders beside making and fetching them, with the real program: trying out, listening, extending, several at once. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryFolder } from "#test/support/folder.ts";
import { type RunningStart, runProgram, startProgram } from "#test/support/program.ts";
import type { Finished } from "#test/support/run-command.ts";

const LONG_MS = 60_000;
const DAY = 86_400_000;
const folder = temporaryFolder("lifecycle");
const env = { ORDER_HOME: join(folder.path, "home"), XDG_CONFIG_HOME: join(folder.path, "config") };
let service: RunningStart | undefined;

const run = (args: readonly string[], input = ""): Promise<Finished> =>
  runProgram(args, { env, input, cwd: folder.path });

/** Runs a command that must succeed; its stdout. */
async function good(args: readonly string[], input = ""): Promise<string> {
  const outcome = await run(args, input);
  if (outcome.code !== 0) throw new Error(`'${args.join(" ")}' ended with ${outcome.code}: ${outcome.stderr}`);
  return outcome.stdout;
}

beforeAll(async () => {
  const files = join(folder.path, "files");
  mkdirSync(files);
  for (const name of ["a", "b", "c"]) writeFileSync(join(files, `${name}.dat`), `content of ${name}`);
  service = await startProgram(env.ORDER_HOME);
  await good(["user", "add", "alice@example.org", "--role", "REGISTERED_USER", "--password-stdin"], "secret\n");
  await good(["catalog", "scan", files, "--dataset", "Files"]);
  await good(["login", service.url, "--user", "alice@example.org", "--password-stdin"], "secret\n");
}, LONG_MS);
afterAll(async () => {
  await service?.end("SIGTERM");
  folder.remove();
});

test(
  "an order is tried out, made, listened to, extended and deleted",
  async () => {
    const tried = await good(["order", "apply", "--query", "*", "--dry-run"]);
    expect(tried).toContain("nothing was ordered");
    expect(tried).toMatch(/^Files: +3 /m);
    expect(await good(["order", "list", "--json"])).not.toContain('"id"');

    await good(["order", "apply", "--query", "*", "--wait"]);
    await good(["order", "apply", "--query", "*", "--wait"]);
    expect(await good(["order", "apply", "--query", "*", "--dry-run"])).toMatch(/^Takes: +about/m);

    const { token } = JSON.parse(readFileSync(join(env.XDG_CONFIG_HOME, "regards-order/session.json"), "utf8"));
    const events = await fetch(`${service?.url}/api/v1/rs-order/user/orders/1/events?until=run`, {
      headers: { authorization: `Bearer ${token}` },
    });
    const told = [...(await events.text()).matchAll(/^event: (\w+)$/gm)].map(([, kind]) => kind);
    expect(told).toEqual(["GRANTED", "SUBORDER_DONE", "DONE", "progress"]);

    expect(await good(["order", "extend", "1", "--until", "+3d"])).toMatch(/^order 1 expires .+ \(\d{4}-.+Z\)$/m);
    const order = JSON.parse(await good(["order", "get", "1", "--json"]));
    expect(Math.abs(Date.parse(order.expirationDate) - Date.now() - 3 * DAY)).toBeLessThan(5 * 60_000);
    const tooFar = await run(["order", "extend", "1", "--until", "+30d"]);
    expect([tooFar.code, tooFar.stderr]).toEqual([1, expect.stringContaining("expirationDate: expected at most")]);

    const several = await run(["order", "delete", "1", "2", "99"]);
    expect(several.code).toBe(1);
    expect(several.stdout.trim().split("\n")).toEqual([
      "order 1 is being deleted",
      "order 2 is being deleted",
      "order 99 refused: Order 99 does not exist",
    ]);
    expect(await good(["order", "pause", "--all"])).toBe("no order to pause\n");
    const gone = await run(["order", "extend", "2", "--until", "+1d"]);
    expect([gone.code, gone.stderr]).toEqual([1, expect.stringContaining("The files of order 2 were given back")]);
  },
  LONG_MS,
);
