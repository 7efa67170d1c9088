/**
 * A fresh, empty PostgreSQL database for one test file, on the server that TEST_DATABASE_URL names.
 * `test/run.ts` starts that server and sets the variable; without it a test that needs a database fails with a word about it.
 */
import postgres from "postgres";

export type TestDatabase = { readonly url: string; drop(): Promise<void> };

/** Creates a database of its own; `drop` removes it, whoever is still connected. */
export async function testDatabase(label: string): Promise<TestDatabase> {
  const server = process.env["TEST_DATABASE_URL"];
  if (!server) throw new Error("Cannot make a test database: TEST_DATABASE_URL is not set (run `npm test`)");
  const name = `test_${label.replaceAll(/[^a-z0-9]/g, "_")}_${crypto.randomUUID().slice(0, 8)}`;
  await onServer(server, (sql) => sql.unsafe(`CREATE DATABASE ${name}`));
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: () => onServer(server, (sql) => sql.unsafe(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
  };
}

async function onServer(url: string, act: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    await act(sql);
  } finally {
    await sql.end();
  }
}
