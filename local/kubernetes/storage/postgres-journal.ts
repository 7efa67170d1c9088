/**
 * The journal in PostgreSQL, in a schema of its own. One process writes: an advisory lock refuses a second one at start, and an epoch,
 * checked in the very statement that writes, stops a first one that lost its connection (and so its lock) without noticing.
 */
import postgres from "postgres";
import { migrate } from "#store/migrate.ts";
import type { KubeObject } from "../object.ts";
import type { Change, Journal, Loaded } from "./journal.ts";

/** "kube" in ASCII: the first half of the advisory lock's key, the second is the schema's hash. */
const LOCK_SPACE = 0x6b756265;

type Row = { resource: string; namespace: string; name: string; object: KubeObject };

export function postgresJournal(url: string, options: { schema?: string } = {}): Journal {
  const schema = options.schema ?? "kube";
  if (!/^[a-z_][a-z0-9_]*$/.test(schema)) throw new Error(`Cannot use schema '${schema}': not a plain lower-case name`);
  const sql = postgres(url, {
    max: 1,
    idle_timeout: 0,
    onnotice: () => {},
    connection: { application_name: "regards-order-kubernetes" },
  });
  let epoch = -1;
  return {
    async open() {
      await migrate(url, { schema, folder: new URL("../migrations", import.meta.url).pathname });
      await takeLock(sql, schema).catch(async (error: unknown) => {
        await sql.end({ timeout: 1 });
        throw error;
      });
      const loaded = await load(sql, schema);
      epoch = loaded.epoch;
      return loaded;
    },
    append: (changes) => append(sql, changes, { schema, epoch }),
    async close() {
      await sql.end({ timeout: 5 });
    },
  };
}

async function takeLock(sql: postgres.Sql, schema: string): Promise<void> {
  const [row] = await sql<
    { locked: boolean }[]
  >`SELECT pg_try_advisory_lock(${LOCK_SPACE}, hashtext(${schema})) AS locked`;
  if (!row?.locked) {
    throw new Error(`Cannot start the local Kubernetes: another process holds schema '${schema}' of this database`);
  }
}

async function load(sql: postgres.Sql, schema: string): Promise<Loaded & { epoch: number }> {
  const [writer] = await sql<{ epoch: string; version: string }[]>`
    UPDATE ${sql(schema)}.writer SET epoch = epoch + 1 RETURNING epoch, version`;
  const objects = await sql<Row[]>`SELECT resource, namespace, name, object FROM ${sql(schema)}.objects`;
  return { epoch: Number(writer?.epoch), version: Number(writer?.version), objects };
}

/** One statement for the whole batch; a key occurs once, because its writers take turns. */
async function append(
  sql: postgres.Sql,
  changes: readonly Change[],
  { schema, epoch }: { schema: string; epoch: number },
): Promise<void> {
  const put = changes.filter((change) => change.object !== undefined);
  const removed = changes.filter((change) => change.object === undefined);
  const last = changes.at(-1)?.version ?? 0;
  const rows = await sql`
    WITH fence AS (
      UPDATE ${sql(schema)}.writer SET version = ${last} WHERE epoch = ${epoch} RETURNING true
    ), put AS (
      INSERT INTO ${sql(schema)}.objects (resource, namespace, name, version, object)
      SELECT r, ns, n, v, o::json
      FROM fence, unnest(${put.map((c) => c.resource)}::text[], ${put.map((c) => c.namespace)}::text[], ${put.map((c) => c.name)}::text[],
        ${put.map((c) => c.version)}::bigint[], ${put.map((c) => JSON.stringify(c.object))}::text[]) AS t(r, ns, n, v, o)
      ON CONFLICT (resource, namespace, name) DO UPDATE SET version = excluded.version, object = excluded.object
    ), removed AS (
      DELETE FROM ${sql(schema)}.objects o
      USING fence, unnest(${removed.map((c) => c.resource)}::text[], ${removed.map((c) => c.namespace)}::text[],
        ${removed.map((c) => c.name)}::text[]) AS t(r, ns, n)
      WHERE o.resource = t.r AND o.namespace = t.ns AND o.name = t.n
    )
    SELECT true FROM fence`;
  if (rows.length === 0) throw new Error("another process has taken over this database");
}
