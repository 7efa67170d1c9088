/**
 * Brings a schema to the state of the numbered .sql files of a folder: all of the missing ones in one transaction under an
 * advisory lock, so that many processes may start at once and a crash leaves nothing half done. A file that was applied must not change: its hash is kept.
 * A migration recorded by a newer program is left alone, so that old and new may run side by side during an upgrade.
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { connect, type Db, type Transaction } from "./db.ts";

const OURS = join(import.meta.dir, "migrations");

type Migration = { readonly name: string; readonly sql: string; readonly hash: string };

/** Applies what is missing; `database` is an address or a pool. Returns the names of the files it applied. */
export async function migrate(
  database: string | Db,
  options: { readonly schema: string; readonly folder?: string },
): Promise<readonly string[]> {
  const migrations = await readMigrations(options.folder ?? OURS);
  if (typeof database !== "string") return apply(database, migrations, options.schema);
  const db = connect(database, { schema: options.schema, max: 1 });
  try {
    return await apply(db, migrations, options.schema);
  } finally {
    await db.end();
  }
}

async function readMigrations(folder: string): Promise<readonly Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}_.*\.sql$/.test(name)).sort();
  return Promise.all(
    names.map(async (name) => {
      const sql = await readFile(join(folder, name), "utf8");
      return { name, sql, hash: createHash("sha256").update(sql).digest("hex") };
    }),
  );
}

function apply(db: Db, migrations: readonly Migration[], schema: string): Promise<readonly string[]> {
  return db.begin(async (sql) => {
    await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`migrate ${schema}`}, 0))`;
    await sql`CREATE SCHEMA IF NOT EXISTS ${sql(schema)}`;
    await sql`SELECT set_config('search_path', quote_ident(${schema}), true)`;
    await sql`CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, hash text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())`;
    const missing = await missingMigrations(sql, migrations);
    for (const { name, sql: text, hash } of missing) {
      await sql.unsafe(text);
      await sql`INSERT INTO migrations (name, hash) VALUES (${name}, ${hash})`;
    }
    return missing.map(({ name }) => name);
  });
}

async function missingMigrations(sql: Transaction, migrations: readonly Migration[]): Promise<readonly Migration[]> {
  const applied = await sql<{ name: string; hash: string }[]>`SELECT name, hash FROM migrations`;
  const hashes = new Map(applied.map(({ name, hash }) => [name, hash]));
  for (const { name, hash } of migrations) {
    if ((hashes.get(name) ?? hash) !== hash) {
      throw new Error(`Cannot migrate: '${name}' was changed after it had been applied`);
    }
  }
  return migrations.filter(({ name }) => !hashes.has(name));
}
