/** Products in the tenant's catalogue, written as an import writes them. */
import type { Db } from "#store/db.ts";

export type TestProduct = {
  readonly name: string;
  readonly properties?: Readonly<Record<string, readonly unknown[]>>;
  readonly bytes?: number;
  readonly dataset?: string;
  /** Of the dataset, where it is made; public unless told. */
  readonly isPublic?: boolean;
  /** Of the dataset: those whose members may order it all the same. */
  readonly groups?: readonly string[];
  readonly uri?: string;
};

/** A product with one RAWDATA file, in a dataset that is made where it is missing. */
export async function addProduct(db: Db, o: TestProduct, now: Date): Promise<void> {
  const dataset = o.dataset ?? "images";
  const bytes = o.bytes ?? 1000;
  const entered = new Date(now.getTime() - 86_400_000);
  const [{ id: datasetId = 0 } = {}] = await db<{ id: number }[]>`
    INSERT INTO datasets (urn, label, public, groups)
    VALUES (${`URN:DATASET:${dataset}`}, ${dataset}, ${o.isPublic ?? true}, ${[...(o.groups ?? [])]}::text[])
    ON CONFLICT (urn) DO UPDATE SET label = excluded.label RETURNING id`;
  const [{ id = 0 } = {}] = await db<{ id: number }[]>`
    INSERT INTO products (urn, provider_id, version, last, label, dataset_ids, properties, search_text, type_files, type_bytes,
      content_hash, source, created_at, updated_at)
    VALUES (${`URN:DATA:${o.name}:V1`}, ${o.name}, 1, true, ${o.name}, ${[datasetId]}::integer[], ${db.json((o.properties ?? {}) as never)},
      ${`\u001f${o.name}\u001f`}, '{1,0,0,0}', ${[bytes, 0, 0, 0]}::bigint[], ${o.name}, 'test', ${entered}, ${entered}) RETURNING id`;
  for (const name of Object.keys(o.properties ?? {})) {
    await db`INSERT INTO attributes (name, type) VALUES (${name}, 'string') ON CONFLICT DO NOTHING`;
  }
  await db`
    INSERT INTO product_files (product_id, position, type, filename, uri, mime_type, size)
    VALUES (${id}, 0, 'RAWDATA', ${`${o.name}.tif`}, ${o.uri ?? `https://source.example.org/${o.name}.tif`}, 'image/tiff', ${bytes})`;
}
