import { afterAll, beforeAll, expect, test } from "bun:test";
import { connect, type Db } from "#store/db.ts";
import { usageOf } from "#store/quotas.ts";
import { type TestDatabase, testDatabase } from "#test/support/database.ts";
import { runProgram } from "#test/support/program.ts";

let database: TestDatabase;
let db: Db;
beforeAll(async () => {
  database = await testDatabase("cli_quota");
  db = connect(database.url, { schema: "tenant_default", max: 1 });
});
afterAll(async () => {
  await db.end();
  await database.drop();
});

const ADA = "ada@example.org";

async function run(line: string, input = "") {
  const { code, stdout, stderr } = await runProgram(line.split(" "), {
    env: { ORDER_DATABASE_URL: database.url },
    input,
  });
  return {
    code,
    stderr,
    lines: stdout
      .trimEnd()
      .split("\n")
      .map((text) => text.split(/\s{2,}/)),
  };
}

test("quota sets, shows and gives back limits; user list tells of files", async () => {
  expect((await run("quota show")).stderr).toBe("No users.\n");
  await run(`user add ${ADA} --password-stdin`, "secret");
  const titles = ["EMAIL", "FILES", "OF", "DOWNLOADS NOW", "OF"];
  expect((await run(`quota set ${ADA} --files 1000 --rate 2`)).lines).toEqual([titles, [ADA, "0", "1000", "0", "2"]]);
  expect((await run(`quota set ${ADA} --rate none`)).lines[1]).toEqual([ADA, "0", "1000", "0", "none"]);
  expect((await run("user list")).lines[1]).toEqual([ADA, "REGISTERED_USER", "yes", "0 of 1000"]);
  await run("settings set maxQuota 5");
  await run(`quota set ${ADA} --files default`);
  expect(await usageOf(db, [ADA], { now: new Date() })).toEqual([
    { email: ADA, maxQuota: 5, rateLimit: -1, currentQuota: 0, currentRate: 0 },
  ]);
  const { stdout } = await runProgram(["quota", "show", "bob@example.org", "--json"], {
    env: { ORDER_DATABASE_URL: database.url },
  });
  expect(JSON.parse(stdout)).toMatchObject([{ email: "bob@example.org", maxQuota: 5 }]);
});

test("quota refuses what is no limit, or none at all", async () => {
  expect((await run(`quota set ${ADA}`)).code).toBe(2);
  for (const limit of ["-1", "many", "1.5"]) {
    const { code, stderr } = await run(`quota set ${ADA} --files=${limit}`);
    expect([limit, code, stderr]).toEqual([
      limit,
      1,
      expect.stringContaining("A number, `none` or `default` is needed"),
    ]);
  }
});
