/** What an earlier scan knew: checksums of files that have not changed since, and products that are no longer there. */
import type { Db } from "#store/db.ts";

export type KnownFile = {
  readonly uri: string;
  readonly size: number;
  readonly modified: Date;
  readonly checksum: string;
};
type Source = { readonly dataset: number; readonly source: string };

const PAGE = 5000;

/** Files of these products of a dataset whose size, time and checksum are known, by address. */
export async function knownFiles(
  db: Db,
  { dataset, providerIds }: { dataset: number; providerIds: readonly string[] },
): Promise<ReadonlyMap<string, KnownFile>> {
  const rows = await db<KnownFile[]>`
    SELECT f.uri, f.size, f.modified, f.checksum
    FROM products p JOIN product_files f ON f.product_id = p.id
    WHERE p.provider_id = ANY(${[...providerIds]}::text[]) AND p.dataset_ids @> ARRAY[${dataset}]::integer[]
      AND f.modified IS NOT NULL AND f.size IS NOT NULL AND f.checksum IS NOT NULL`;
  return new Map(rows.map((row) => [row.uri, row]));
}

/** Removes the products of a dataset that came from `source` and are not among `seen`; returns how many. */
export async function removeVanished(db: Db, source: Source, seen: ReadonlySet<string>): Promise<number> {
  let removed = 0;
  for (let after = 0; ; ) {
    const page = await db<{ id: number; providerId: string }[]>`
      SELECT id, provider_id FROM products
      WHERE id > ${after} AND source = ${source.source} AND dataset_ids @> ARRAY[${source.dataset}]::integer[]
      ORDER BY id LIMIT ${PAGE}`;
    const last = page.at(-1);
    if (!last) return removed;
    after = last.id;
    removed += await removeProducts(
      db,
      page.filter((row) => !seen.has(row.providerId)).map((row) => row.id),
      source.dataset,
    );
  }
}

/** A product that is in another dataset too only leaves this one. */
async function removeProducts(db: Db, ids: readonly number[], dataset: number): Promise<number> {
  if (ids.length === 0) return 0;
  await db.begin(async (sql) => {
    await sql`DELETE FROM products WHERE id = ANY(${[...ids]}::bigint[]) AND dataset_ids = ARRAY[${dataset}]::integer[]`;
    await sql`UPDATE products SET dataset_ids = array_remove(dataset_ids, ${dataset}::integer) WHERE id = ANY(${[...ids]}::bigint[])`;
  });
  return ids.length;
}
