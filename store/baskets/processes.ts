/** Processes that datasets in users' baskets are given, and how they leave them when they may not be run there any more (rs-order.md §9.1). */
import type { Role } from "#crds/files.ts";
import { type Db, withoutNulls } from "../db.ts";

export type AttachedProcess = {
  readonly basketId: number;
  readonly owner: string;
  /** Absent: of whom only a token is known. */
  readonly role?: Role;
  readonly urn: string;
  readonly label: string;
};

/** Names of all that are in any basket. */
export async function attachedProcessNames(db: Db): Promise<readonly string[]> {
  const rows = await db<{ name: string }[]>`
    SELECT DISTINCT process ->> 'name' AS name FROM basket_datasets WHERE process IS NOT NULL`;
  return rows.map(({ name }) => name);
}

/** Where the process of this name is. */
export async function attachedProcesses(db: Db, name: string): Promise<readonly AttachedProcess[]> {
  const rows = await db<AttachedProcess[]>`
    SELECT b.id AS basket_id, b.owner, u.role, d.dataset_urn AS urn, d.dataset_label AS label
    FROM basket_datasets d JOIN baskets b ON b.id = d.basket_id LEFT JOIN users u ON u.email = b.owner
    WHERE d.process ->> 'name' = ${name} ORDER BY b.id, d.id`;
  return rows.map((row) => withoutNulls<AttachedProcess>(row));
}

/** The process leaves these datasets. Whoever changes one of the baskets meanwhile does so anew, from what it is then. */
export async function detachProcess(
  db: Db,
  name: string,
  from: readonly Pick<AttachedProcess, "basketId" | "urn">[],
): Promise<void> {
  if (from.length === 0) return;
  const ids = [...new Set(from.map(({ basketId }) => basketId))].sort((a, b) => a - b);
  await db.begin(async (sql) => {
    await sql`SELECT FROM baskets WHERE id = ANY(${ids}::bigint[]) ORDER BY id FOR UPDATE`;
    const left = await sql<{ basketId: number }[]>`
      UPDATE basket_datasets d SET process = NULL
      FROM unnest(${from.map(({ basketId }) => basketId)}::bigint[], ${from.map(({ urn }) => urn)}::text[]) AS f(basket_id, urn)
      WHERE d.basket_id = f.basket_id AND d.dataset_urn = f.urn AND d.process ->> 'name' = ${name}
      RETURNING d.basket_id`;
    const changed = [...new Set(left.map(({ basketId }) => basketId))];
    await sql`UPDATE baskets SET version = nextval('baskets_version_seq') WHERE id = ANY(${changed}::bigint[])`;
  });
}
