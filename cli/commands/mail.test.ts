/** `mail …` and `webhook …` as a person types them; the service itself is tested elsewhere. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestDatabase, testDatabase } from "#test/support/database.ts";
import { runProgram } from "#test/support/program.ts";

let database: TestDatabase;
const folder = mkdtempSync(join(tmpdir(), "cli-mail-"));
beforeAll(async () => {
  database = await testDatabase("cli_mail");
});
afterAll(async () => {
  await database.drop();
  rmSync(folder, { recursive: true });
});

const run = (...args: string[]) =>
  runProgram(args, { env: { ORDER_DATABASE_URL: database.url, HOME: folder, XDG_CONFIG_HOME: folder } });

test("mail template shows, changes, previews and resets the words, and refuses what cannot be rendered", async () => {
  expect((await run("mail", "template", "show", "finished", "--part", "subject")).stdout).toBe(
    "Order number {{order_id}} is finished",
  );
  const text = join(folder, "text.txt");
  writeFileSync(text, "Dear {{name}},\n");
  const refused = await run("mail", "template", "set", "finished", "--text", text);
  expect([refused.code, refused.stderr]).toEqual([
    2,
    expect.stringContaining("Cannot store the template: text: line 1: unknown placeholder 'name', expected one of"),
  ]);
  writeFileSync(text, "Dear {{owner}},\n");
  await run("mail", "template", "set", "finished", "--text", text, "--subject", "{{order_label}} is ready");
  const { stdout } = await run("mail", "template", "preview", "finished");
  expect(stdout).toStartWith("Subject: Greenland in July is ready\n\nDear alice@example.org,\n\n<p>Your order");
  expect((await run("mail", "template", "list")).stdout).toMatch(/finished +yes +own, of 2/);
  await run("mail", "template", "reset", "finished");
  expect((await run("mail", "template", "list")).stdout).toMatch(/finished +yes +shipped/);
  expect((await run("mail", "template", "show", "birthday")).code).not.toBe(0);
}, 60_000);

test("mail list and retry work on an empty house; webhook commands want a login", async () => {
  expect((await run("mail", "list", "--json")).stdout).toBe("[]\n");
  expect((await run("mail", "retry")).stdout).toBe("0 mails\n");
  expect((await run("webhook", "list")).stderr).toContain("Not signed in");
}, 60_000);
