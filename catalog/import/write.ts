/**
 * Writes what importers found. A batch is one transaction; a product whose content hash is the same is not touched, so an import may be
 * repeated at will. The entry time of a product stays when it is updated: orders look at it.
 */
import { createHash } from "node:crypto";
import { FILE_TYPES } from "#crds/files.ts";
import type { Db, Transaction } from "#store/db.ts";
import { polygonText } from "../geometry/parts.ts";
import { cleanText } from "./attributes.ts";
import type { ImportedDataset, ImportedFile, ImportedProduct, Visibility } from "./record.ts";
import type { Written } from "./report.ts";
import { datasetUrn, productUrn } from "./urn.ts";

export type WrittenDataset = { readonly id: number; readonly urn: string };
export type ProductContext = {
  readonly tenant: string;
  readonly dataset: ImportedDataset;
  readonly written: WrittenDataset;
  readonly source: string;
  readonly now: Date;
};

/** Creates or changes a dataset and its own files; who may see it changes only where `visibility` says so. */
export function writeDataset(
  db: Db,
  dataset: ImportedDataset,
  options: { readonly tenant: string; readonly visibility: Visibility },
): Promise<WrittenDataset> {
  return db.begin(async (sql) => {
    const row = await upsertDataset(sql, dataset, options);
    if (dataset.files) await replaceDatasetFiles(sql, row.id, dataset.files);
    return row;
  });
}

async function upsertDataset(
  db: Transaction,
  dataset: ImportedDataset,
  options: { readonly tenant: string; readonly visibility: Visibility },
): Promise<WrittenDataset> {
  const { groups } = options.visibility;
  const open = options.visibility.public ?? (groups ? false : undefined);
  const urn = datasetUrn(options.tenant, dataset.id);
  const [row] = await db<WrittenDataset[]>`
    INSERT INTO datasets AS d (urn, label, description, model, public, groups)
    VALUES (${urn}, ${cleanText(dataset.label)}, ${dataset.description ?? null}, ${dataset.model ?? ""},
            ${open ?? true}, ${[...(groups ?? [])]}::text[])
    ON CONFLICT (urn) DO UPDATE SET
      label = excluded.label, description = coalesce(excluded.description, d.description), model = excluded.model,
      public = CASE WHEN ${open !== undefined} THEN excluded.public ELSE d.public END,
      groups = CASE WHEN ${groups !== undefined} THEN excluded.groups ELSE d.groups END
    RETURNING id, urn`;
  if (!row) throw new Error(`Cannot write dataset '${dataset.id}': the database returned nothing`);
  return row;
}

async function replaceDatasetFiles(sql: Transaction, id: number, files: readonly ImportedFile[]): Promise<void> {
  const rows = files.map((file, position) => ({ ...file, position }));
  await sql`DELETE FROM dataset_files WHERE dataset_id = ${id}`;
  await sql`
    INSERT INTO dataset_files (dataset_id, position, type, filename, uri, mime_type, size, checksum, algorithm, reference)
    SELECT ${id}, position, type, filename, uri, "mimeType", size, checksum, algorithm, reference
    FROM jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) AS r(
      position integer, type text, filename text, uri text, "mimeType" text, size bigint, checksum text, algorithm text, reference boolean)`;
}

/** All of one dataset; of two products with the same URN the later counts. */
export async function writeProducts(
  db: Db,
  products: readonly ImportedProduct[],
  context: ProductContext,
): Promise<Written> {
  const rows = new Map(products.map((product) => rowOf(product, context)).map((row) => [row.urn, row]));
  const differing = await differingRows(db, [...rows.values()], context);
  if (differing.length === 0) return { created: 0, updated: 0, unchanged: rows.size };
  const changed = await db.begin(async (sql) => {
    await writeAttributes(sql, products);
    const written = await upsertProducts(sql, differing, context);
    const idOf = new Map(written.map(({ id, urn }) => [urn, id]));
    await replaceParts(sql, idOf, rows);
    await markLast(
      sql,
      [...idOf.keys()].map((urn) => rows.get(urn)?.product.providerId ?? ""),
    );
    return written;
  });
  const created = changed.filter((row) => row.created).length;
  return { created, updated: changed.length - created, unchanged: rows.size - changed.length };
}

type Row = ReturnType<typeof rowOf>;

function rowOf(product: ImportedProduct, context: ProductContext) {
  const { providerId, version, label, model, properties, files } = product;
  const urn = productUrn(context.tenant, { dataset: context.dataset.id, providerId, version });
  const tags = [...new Set([context.written.urn, ...product.tags.map(cleanText)])];
  const texts = Object.values(properties)
    .flat()
    .filter((value) => typeof value === "string");
  return {
    urn,
    product,
    columns: {
      urn,
      provider_id: providerId,
      version,
      label,
      model,
      tags,
      dataset_id: context.written.id,
      properties,
      search_text: `\x1f${[urn, providerId, label, model, ...tags, ...texts].join("\x1f")}\x1f`,
      type_files: FILE_TYPES.map((type) => files.filter((file) => file.type === type).length),
      type_bytes: FILE_TYPES.map((type) =>
        files.reduce((sum, file) => sum + (file.type === type ? (file.size ?? 0) : 0), 0),
      ),
      content_hash: createHash("sha256")
        .update(JSON.stringify([product, tags]))
        .digest("hex"),
    },
  };
}

/** Rows that are not in the catalogue as they are, by URN: rivals then lock them in the same order. */
async function differingRows(db: Db, rows: readonly Row[], context: ProductContext): Promise<readonly Row[]> {
  const same = await db<{ urn: string; contentHash: string }[]>`
    SELECT urn, content_hash FROM products
    WHERE urn = ANY(${rows.map((row) => row.urn)}::text[]) AND dataset_ids @> ARRAY[${context.written.id}]::integer[]`;
  const hashes = new Map(same.map(({ urn, contentHash }) => [urn, contentHash]));
  return rows
    .filter((row) => hashes.get(row.urn) !== row.columns.content_hash)
    .sort((a, b) => (a.urn < b.urn ? -1 : 1));
}

async function writeAttributes(sql: Transaction, products: readonly ImportedProduct[]): Promise<void> {
  const types = new Map(products.flatMap((product) => product.types).map((entry) => [JSON.stringify(entry), entry]));
  if (types.size === 0) return;
  const sorted = [...types].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, entry]) => entry);
  await sql`
    INSERT INTO attributes (name, type) SELECT name, type FROM jsonb_to_recordset(${JSON.stringify(sorted)}::text::jsonb) AS r(name text, type text)
    ON CONFLICT DO NOTHING`;
}

type Changed = { readonly id: number; readonly urn: string; readonly created: boolean };

async function upsertProducts(
  sql: Transaction,
  rows: readonly Row[],
  context: ProductContext,
): Promise<readonly Changed[]> {
  return sql<Changed[]>`
    INSERT INTO products AS p (urn, provider_id, version, last, label, model, tags, dataset_ids, properties, search_text,
                               type_files, type_bytes, content_hash, source, created_at, updated_at)
    SELECT urn, provider_id, version, true, label, model, tags, ARRAY[dataset_id], properties, search_text,
           type_files, type_bytes, content_hash, ${context.source}, ${context.now}, ${context.now}
    FROM jsonb_to_recordset(${JSON.stringify(rows.map((row) => row.columns))}::text::jsonb) AS r(
      urn text, provider_id text, version integer, label text, model text, tags text[], dataset_id integer, properties jsonb,
      search_text text, type_files integer[], type_bytes bigint[], content_hash text)
    ON CONFLICT (urn) DO UPDATE SET
      label = excluded.label, model = excluded.model, tags = excluded.tags, properties = excluded.properties,
      dataset_ids = CASE WHEN p.dataset_ids @> excluded.dataset_ids THEN p.dataset_ids ELSE p.dataset_ids || excluded.dataset_ids END,
      search_text = excluded.search_text, type_files = excluded.type_files, type_bytes = excluded.type_bytes,
      content_hash = excluded.content_hash, source = excluded.source, updated_at = excluded.updated_at
    WHERE p.content_hash <> excluded.content_hash OR NOT p.dataset_ids @> excluded.dataset_ids
    RETURNING id, urn, (xmax = 0) AS created`;
}

async function replaceParts(
  sql: Transaction,
  idOf: ReadonlyMap<string, number>,
  rows: ReadonlyMap<string, Row>,
): Promise<void> {
  const ids = [...idOf.values()];
  if (ids.length === 0) return;
  const changed = [...idOf].flatMap(([urn, id]) => {
    const product = rows.get(urn)?.product;
    return product ? [{ id, product }] : [];
  });
  const files = changed.flatMap(({ id, product }) =>
    product.files.map((file, position) => ({ product_id: id, position, ...file })),
  );
  const parts = changed.flatMap(({ id, product }) =>
    product.parts.map((part) => ({ product_id: id, area: polygonText(part.area), holes: part.holes.map(polygonText) })),
  );
  await sql`DELETE FROM product_files WHERE product_id = ANY(${ids}::bigint[])`;
  await sql`DELETE FROM footprints WHERE product_id = ANY(${ids}::bigint[])`;
  await sql`
    INSERT INTO product_files (product_id, position, type, filename, uri, mime_type, size, checksum, algorithm, reference, modified)
    SELECT product_id, position, type, filename, uri, "mimeType", size, checksum, algorithm, reference, modified
    FROM jsonb_to_recordset(${JSON.stringify(files)}::text::jsonb) AS r(
      product_id bigint, position integer, type text, filename text, uri text, "mimeType" text, size bigint, checksum text,
      algorithm text, reference boolean, modified timestamptz)`;
  await sql`
    INSERT INTO footprints (product_id, area, holes)
    SELECT product_id, area::polygon, holes::polygon[]
    FROM jsonb_to_recordset(${JSON.stringify(parts)}::text::jsonb) AS r(product_id bigint, area text, holes text[])`;
}

/** Versions of one product share dataset and provider id; the highest is the last. */
async function markLast(sql: Transaction, providerIds: readonly string[]): Promise<void> {
  if (providerIds.length === 0) return;
  await sql`
    UPDATE products p SET last = NOT p.last
    FROM (
      SELECT id, version = max(version) OVER (PARTITION BY provider_id, dataset_ids) AS is_last
      FROM products WHERE provider_id = ANY(${[...providerIds]}::text[])
    ) v WHERE v.id = p.id AND v.is_last <> p.last`;
}
