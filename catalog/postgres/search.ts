/**
 * One page of products: a single scan in the order of their ids over the union of the selections, then their files.
 * Ids never change, also when a product is imported again, so a cursor stays good as long as an order needs it.
 */
import type { Selection } from "#crds/order.ts";
import { withoutNulls } from "#store/db.ts";
import type { FoundFile, FoundProduct, Page } from "../catalogue.ts";
import { Params } from "../query/params.ts";
import { selectionSql } from "./selection-sql.ts";
import type { DatasetRow, Session } from "./session.ts";

export type PageRequest = {
  readonly selections: readonly Selection[];
  readonly before: Date;
  readonly after: number;
  readonly limit: number;
};

type ProductRow = Omit<FoundProduct, "files" | "dataset"> & { readonly datasetIds: readonly number[] };
type FileRow = FoundFile & { readonly productId: number };

export async function searchPage(session: Session, request: PageRequest): Promise<Page> {
  const { selections, before, after, limit } = request;
  if (selections.length === 0 || session.datasets.length === 0) return { products: [] };
  const params = new Params();
  const conditions = selections.map((selection) => selectionSql(selection, { session, params, before }));
  const text = `
    SELECT p.id, p.urn, p.provider_id, p.version, p.dataset_ids, ${matchedSql(conditions)} AS matched
    FROM products p WHERE p.id > ${params.add(after, "bigint")} AND (${conditions.join(" OR ")})
    ORDER BY p.id LIMIT ${params.add(limit + 1, "bigint")}`;
  const rows = await session.sql.unsafe<ProductRow[]>(text, params.values as never[]);
  const found = rows.slice(0, limit);
  const files = await filesOf(
    session,
    found.map(({ id }) => id),
  );
  const datasets = attributable(session, selections);
  const products = found.map((row) => toProduct(row, datasets, files.get(row.id) ?? []));
  const last = rows.length > limit ? products.at(-1) : undefined;
  return last ? { products, next: last.id } : { products };
}

/** Indices of the conditions that hold; a single one needs not be asked again. */
function matchedSql(conditions: readonly string[]): string {
  if (conditions.length === 1) return "ARRAY[0]";
  const indices = conditions.map((condition, index) => `CASE WHEN ${condition} THEN ${index} END`);
  return `array_remove(ARRAY[${indices.join(", ")}], NULL)`;
}

function toProduct(row: ProductRow, datasets: readonly DatasetRow[], files: readonly FoundFile[]): FoundProduct {
  const { id, urn, providerId, version, matched, datasetIds } = row;
  const dataset = firstDataset(datasetIds, datasets);
  return { id, urn, providerId, version, dataset: { urn: dataset.urn, label: dataset.label }, files, matched };
}

/** What products may be told to be of: where all selections name datasets, one of these, so that what was asked of a dataset is shown there. */
export function attributable(session: Session, selections: readonly Selection[]): readonly DatasetRow[] {
  const names = new Set(selections.map(({ dataset }) => dataset));
  if (names.has(undefined)) return session.datasets;
  return session.datasets.filter(({ urn, label }) => names.has(urn) || names.has(label));
}

/** The first of `datasets`, which are in order, that the product is in. */
export function firstDataset(ids: readonly number[], datasets: readonly DatasetRow[]): DatasetRow {
  const found = datasets.find(({ id }) => ids.includes(id));
  if (!found) throw new Error(`Cannot tell the dataset of a product: none of ${ids.join(", ")} is accessible`);
  return found;
}

async function filesOf(session: Session, ids: readonly number[]): Promise<Map<number, FoundFile[]>> {
  const files = new Map<number, FoundFile[]>(ids.map((id) => [id, []]));
  if (ids.length === 0) return files;
  const rows = await session.sql<FileRow[]>`
    SELECT product_id, type, filename, uri, mime_type, size, checksum, algorithm, reference
    FROM product_files WHERE product_id = ANY(${ids as number[]}::bigint[]) ORDER BY product_id, position`;
  for (const { productId, ...file } of rows) files.get(productId)?.push(withoutNulls<FoundFile>(file));
  return files;
}
