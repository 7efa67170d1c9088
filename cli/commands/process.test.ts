/** `process list` and `order apply --process`, against the API over HTTP. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { serveApi } from "#api/http/serve.ts";
import { ADA, type ApiWorld, apiWorld, PASSWORD, withPassword } from "#test/support/api-world.ts";
import { temporaryFolder } from "#test/support/folder.ts";
import { runProgram } from "#test/support/program.ts";

let world: ApiWorld;
let server: Awaited<ReturnType<typeof serveApi>>;
const folder = temporaryFolder("cli_process");
const run = (args: readonly string[], input = "") =>
  runProgram(args, { env: { XDG_CONFIG_HOME: folder.path }, input, cwd: folder.path });

beforeAll(async () => {
  world = await apiWorld("cli_process");
  await withPassword(world.db, ADA);
  await world.product({ name: "p-1", dataset: "images" });
  server = await serveApi(world.app, { host: "127.0.0.1", port: 0 });
  const login = await run(["login", server.url, "--user", ADA, "--password-stdin"], `${PASSWORD}\n`);
  if (login.code !== 0) throw new Error(login.stderr);
});
afterAll(async () => {
  await server.stop({ withinMs: 1_000 });
  await world.close();
  folder.remove();
});

test("process list says that there are none, then names them with what they take", async () => {
  expect(await run(["process", "list"])).toMatchObject({ code: 0, stdout: "", stderr: "No processes.\n" });
  const width = { type: "integer" };
  await world.process("cut", {
    title: "Cut to an area",
    scope: "Product",
    limits: { products: 2000, bytes: 5_000_000, forbidSplit: true },
    parameters: { properties: { width, mode: { enum: ["fast"] } }, required: ["width"] },
  });
  await world.process("hidden", { role: "ADMIN" });
  const { stdout } = await run(["process", "list"]);
  const [titles, line, ...more] = stdout.trimEnd().split("\n");
  expect(titles).toMatch(/^NAME +TITLE +RUNS +INPUTS +LIMITS +DATASETS +PARAMETERS$/);
  expect(line).toMatch(
    /^cut +Cut to an area +per product +RAWDATA +2.000 products, 5\.0 MB in all +all +width\*, mode$/,
  );
  expect(more).toEqual([]);
  const json = JSON.parse((await run(["process", "list", "--json"])).stdout);
  expect(json).toMatchObject([{ name: "cut", parameters: { properties: { width } } }]);
});

test("order apply --process has it run on what the queries find, and is told what is wrong", async () => {
  const apply = (...more: string[]) => run(["order", "apply", "--query", "providerId:p*", "--process", "cut", ...more]);
  const refused = await apply("--parameter", "width=wide");
  expect([refused.code, refused.stderr]).toEqual([
    1,
    "regards-order: Cannot order: selections[0].process.parameters.width: expected a whole number\n",
  ]);
  const area = "POLYGON((0 0, 1 0, 1 1, 0 0))";
  const made = await apply("--parameter", "width=5", "--parameter", "mode=fast", "--json");
  expect([made.code, made.stderr]).toEqual([0, ""]);
  const { orderId } = JSON.parse(made.stdout) as { orderId: number };
  expect((await world.row(orderId)).spec.selections).toEqual([
    { query: "providerId:p*", process: { name: "cut", parameters: { width: "5", mode: "fast" } } },
  ]);
  const preview = await apply("--parameter", "width=5", "--dry-run");
  expect(preview.stdout).toContain("cut");
  for (const wrong of [
    ["--parameter", "width"],
    ["--bbox", "0,0,1,1"],
    ["--type", "RAWDATA"],
  ]) {
    expect((await apply(...wrong)).code).not.toBe(0);
  }
  expect((await apply("--geometry", area, "--parameter", "width=5")).stderr).toContain(
    "This selection contains no file",
  );
  expect((await run(["order", "apply", "--query", "*", "--parameter", "a=1"])).stderr).toContain("--process");
});
