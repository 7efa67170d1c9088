/** Who writes rows of a tenant: triggers note the name of each connection that changed something, and when. For tests of who may write at all. */
import type { Db } from "#store/db.ts";

export type DatabaseWriters = {
  /** How many statements of this connection have changed rows after that time, by the database's clock. */
  writesOf(application: string, after: Date): Promise<number>;
  /** What the database's clock says. */
  now(): Promise<Date>;
};

const TABLES = ["orders", "sub_orders", "order_files", "outbox"];

/** Begins to note; once for each database. */
export async function noteDatabaseWriters(db: Db): Promise<DatabaseWriters> {
  await db`CREATE TABLE writers (at timestamptz DEFAULT clock_timestamp(), who text)`;
  await db`CREATE FUNCTION note_writer() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO writers (who) VALUES (current_setting('application_name')); RETURN NULL; END $$`;
  for (const table of TABLES) {
    await db`CREATE TRIGGER note_writer AFTER INSERT OR UPDATE OR DELETE ON ${db(table)}
      FOR EACH STATEMENT EXECUTE FUNCTION note_writer()`;
  }
  return {
    writesOf: async (application, after) =>
      (await db`SELECT FROM writers WHERE who = ${application} AND at > ${after}`).length,
    async now() {
      const [row] = await db<{ now: Date }[]>`SELECT clock_timestamp() AS now`;
      return row?.now ?? new Date();
    },
  };
}
