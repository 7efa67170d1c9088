import { afterAll, expect, test } from "bun:test";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { testDatabase } from "#test/support/database.ts";
import { temporaryFolder } from "#test/support/folder.ts";
import { connect } from "./db.ts";
import { migrate } from "./migrate.ts";

const database = await testDatabase("migrate");
const files = temporaryFolder("migrate");
const db = connect(database.url, { schema: "public" });
afterAll(async () => {
  await db.end({ timeout: 1 });
  await database.drop();
  files.remove();
});

async function folder(name: string, sql: Record<string, string>): Promise<string> {
  const path = join(files.path, name);
  await mkdir(path, { recursive: true });
  for (const [file, text] of Object.entries(sql)) await writeFile(join(path, file), text);
  return path;
}

test("migrate() applies each file once, in order, and later ones when they come", async () => {
  const at = await folder("order", {
    "0002_b.sql": "INSERT INTO t VALUES (2)",
    "0001_a.sql": "CREATE TABLE t (n int)",
  });
  expect(await migrate(db, { schema: "in_order", folder: at })).toEqual(["0001_a.sql", "0002_b.sql"]);
  expect(await migrate(db, { schema: "in_order", folder: at })).toEqual([]);
  await folder("order", { "0003_c.sql": "INSERT INTO t VALUES (3)", "readme.txt": "not sql" });
  expect(await migrate(database.url, { schema: "in_order", folder: at })).toEqual(["0003_c.sql"]);
  expect((await db`SELECT n FROM in_order.t ORDER BY n`).map((row) => row["n"])).toEqual([2, 3]);
});

test("migrate() from many processes at once applies once", async () => {
  const at = await folder("rivals", { "0001_a.sql": "CREATE TABLE t (n int); INSERT INTO t VALUES (1)" });
  const applied = await Promise.all(
    Array.from({ length: 8 }, () => migrate(database.url, { schema: "rivals", folder: at })),
  );
  expect(applied.flat()).toEqual(["0001_a.sql"]);
  expect(await db`SELECT n FROM rivals.t`).toHaveLength(1);
});

test("migrate() refuses a file that was changed after it had been applied", async () => {
  const at = await folder("changed", { "0001_a.sql": "CREATE TABLE t (n int)" });
  await migrate(db, { schema: "changed", folder: at });
  await folder("changed", { "0001_a.sql": "CREATE TABLE t (n bigint)" });
  await expect(migrate(db, { schema: "changed", folder: at })).rejects.toThrow(
    "Cannot migrate: '0001_a.sql' was changed after it had been applied",
  );
});

test("migrate() leaves nothing of a run that fails", async () => {
  const at = await folder("broken", {
    "0001_a.sql": "CREATE TABLE t (n int)",
    "0002_b.sql": "CREATE TABLE u (n nonsense)",
  });
  await expect(migrate(db, { schema: "broken", folder: at })).rejects.toThrow("nonsense");
  expect(await db`SELECT FROM information_schema.tables WHERE table_schema = 'broken'`).toHaveLength(0);
});

test("migrate() leaves migrations of a newer program alone", async () => {
  const newer = await folder("newer", {
    "0001_a.sql": "CREATE TABLE t (n int)",
    "0002_b.sql": "ALTER TABLE t ADD m int",
  });
  await migrate(db, { schema: "newer", folder: newer });
  const older = await folder("older", { "0001_a.sql": "CREATE TABLE t (n int)" });
  expect(await migrate(db, { schema: "newer", folder: older })).toEqual([]);
});

test("migrate() keeps tenants apart in one database", async () => {
  await migrate(db, { schema: "tenant_a" });
  await migrate(db, { schema: "tenant_b" });
  const a = connect(database.url, { schema: "tenant_a", max: 1 });
  await a`INSERT INTO users (email, role, groups, active) VALUES ('a', 'ADMIN', '{}', true)`;
  await a.end();
  expect(await db`SELECT FROM tenant_a.users`).toHaveLength(1);
  expect(await db`SELECT FROM tenant_b.users`).toHaveLength(0);
});
