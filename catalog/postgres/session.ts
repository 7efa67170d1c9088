/** One question to the catalogue: a read-only transaction with a time limit, what the user may see, and the tenant's attributes. */
import { roleAtLeast } from "#crds/files.ts";
import type { Db, Transaction } from "#store/db.ts";
import type { Access } from "../catalogue.ts";
import type { Attributes, AttributeType } from "../query/fields.ts";

export type DatasetRow = { readonly id: number; readonly urn: string; readonly label: string };

export type Session = {
  readonly sql: Transaction;
  /** Accessible ones, by label, then URN. */
  readonly datasets: readonly DatasetRow[];
  /** Whether these are all of the tenant's datasets. */
  readonly seesAll: boolean;
  readonly attributes: Attributes;
};

export type SessionOptions = { readonly access: Access; readonly timeoutMs: number };

export async function inSession<T>(db: Db, options: SessionOptions, ask: (session: Session) => Promise<T>): Promise<T> {
  const answer = await db.begin("READ ONLY", async (sql) => ({ value: await ask(await open(sql, options)) }));
  return answer.value;
}

/** Of the accessible datasets those of these URNs or labels. */
export function datasetsNamed({ datasets }: Session, names: readonly string[]): readonly Omit<DatasetRow, "id">[] {
  const wanted = new Set(names);
  const named = datasets.filter(({ urn, label }) => wanted.has(urn) || wanted.has(label));
  return named.map(({ urn, label }) => ({ urn, label }));
}

async function open(sql: Transaction, { access, timeoutMs }: SessionOptions): Promise<Session> {
  const all = roleAtLeast(access.role, "ADMIN");
  // Compiling a query costs more than it saves for the conditions of a search.
  await sql`SELECT set_config('statement_timeout', ${String(timeoutMs)}, true), set_config('jit', 'off', true)`;
  const [datasets, attributes] = await Promise.all([
    sql<(DatasetRow & { accessible: boolean })[]>`
      SELECT id, urn, label, ${all}::boolean OR public OR groups && ${[...access.groups]}::text[] AS accessible
      FROM datasets ORDER BY label COLLATE "C", urn COLLATE "C"`,
    sql<
      { name: string; types: AttributeType[] }[]
    >`SELECT name, array_agg(type) AS types FROM attributes GROUP BY name`,
  ]);
  const accessible = datasets.filter((dataset) => dataset.accessible);
  return {
    sql,
    datasets: accessible,
    seesAll: accessible.length === datasets.length,
    attributes: new Map(attributes.map(({ name, types }) => [name, new Set(types)])),
  };
}
