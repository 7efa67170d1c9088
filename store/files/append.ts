/**
 * Adds what one step of the catalogue search found to an order: datasets, sub-orders and files in one transaction that also
 * moves the search's cursor. The cursor is the guard: a step that was done already, or that a rival did, writes nothing.
 */
import { notifyChange } from "../changes.ts";
import { type Db, jsonb, type Transaction } from "../db.ts";
import { addInputs, type Placeholder, placeholderOf } from "./inputs.ts";
import type { NewFile, NewSubOrder } from "./types.ts";

const FILES_AT_ONCE = 5_000;

export type AppendOptions = {
  /** The cursor that the caller read; absent for the first step. */
  readonly expectCursor: unknown;
  /** Where the next step goes on: must differ from `expectCursor`. */
  readonly cursor: unknown;
  /** The files of one product must be in one call, so that datasets count it once. */
  readonly subOrders: readonly NewSubOrder[];
  /** Products found in this step, with or without files. */
  readonly products: number;
  /** The search came to its end. */
  readonly done: boolean;
  readonly now: Date;
};

/** True if it was written; false if the cursor has moved, the search is over, or the order has been purged. */
export function appendSubOrders(db: Db, orderId: number, o: AppendOptions): Promise<boolean> {
  return db.begin(async (sql) => {
    const [order] = await sql<{ owner: string }[]>`
      UPDATE orders SET cursor = ${jsonb(sql, o.cursor)}, products_found = products_found + ${o.products},
        resolved_at = ${o.done ? o.now : null}::timestamptz
      WHERE id = ${orderId} AND cursor IS NOT DISTINCT FROM ${jsonb(sql, o.expectCursor)}::jsonb AND resolved_at IS NULL AND NOT purged
      RETURNING owner`;
    if (!order) return false;
    await addDatasets(sql, orderId, o.subOrders);
    await addSubOrders(sql, { orderId, owner: order.owner, subOrders: o.subOrders, now: o.now });
    for (const subOrder of o.subOrders) await addContent(sql, orderId, subOrder);
    await notifyChange(sql, orderId);
    return true;
  });
}

async function addContent(sql: Transaction, orderId: number, subOrder: NewSubOrder): Promise<void> {
  const add = subOrder.process ? addInputs : addFiles;
  for (let i = 0; i < subOrder.files.length; i += FILES_AT_ONCE) {
    await add(sql, orderId, { subOrder, files: subOrder.files.slice(i, i + FILES_AT_ONCE) });
  }
  if (subOrder.process) await addFiles(sql, orderId, { subOrder, files: [placeholderOf(orderId, subOrder)] });
}

async function addDatasets(sql: Transaction, orderId: number, subOrders: readonly NewSubOrder[]): Promise<void> {
  const byUrn = Map.groupBy(subOrders, ({ dataset }) => dataset.urn);
  const rows = [...byUrn].map(([urn, group]) => {
    const files = group.flatMap((subOrder) => subOrder.files);
    return {
      urn,
      label: group[0]?.dataset.label ?? urn,
      // The dataset's own files are of no product.
      products: new Set(files.map((file) => file.productUrn).filter((product) => product !== urn)).size,
      files: group.reduce((sum, subOrder) => sum + filesOf(subOrder), 0),
      size: plannedBytes(files),
    };
  });
  await sql`
    INSERT INTO order_datasets AS d (order_id, dataset_urn, dataset_label, products_count, files_count, files_size)
    SELECT ${orderId}, urn, label, products, files, size
    FROM jsonb_to_recordset(${jsonb(sql, rows)}) AS t(urn text, label text, products bigint, files bigint, size bigint)
    ON CONFLICT (order_id, dataset_urn) DO UPDATE SET products_count = d.products_count + excluded.products_count,
      files_count = d.files_count + excluded.files_count, files_size = d.files_size + excluded.files_size`;
}

async function addSubOrders(
  sql: Transaction,
  o: { orderId: number; owner: string; subOrders: readonly NewSubOrder[]; now: Date },
): Promise<void> {
  const rows = o.subOrders.map((subOrder) => {
    const { number, dataset, reference, process } = subOrder;
    return { number, ...dataset, reference, files: filesOf(subOrder), bytes: plannedBytes(subOrder.files), process };
  });
  await sql`
    INSERT INTO sub_orders (order_id, number, owner, dataset_urn, dataset_label, reference, process, state, planned_bytes, ended_at,
      files_total, files_pending, files_available, bytes_total, bytes_available)
    SELECT ${o.orderId}, number, ${o.owner}, urn, label, reference, process, CASE WHEN reference THEN 'Succeeded' ELSE 'Waiting' END, bytes,
      CASE WHEN reference THEN ${o.now}::timestamptz END, files, CASE WHEN reference THEN 0 ELSE files END,
      CASE WHEN reference THEN files ELSE 0 END, bytes, CASE WHEN reference THEN bytes ELSE 0 END
    FROM jsonb_to_recordset(${jsonb(sql, rows)})
      AS t(number integer, urn text, label text, reference boolean, files integer, bytes bigint, process jsonb)`;
}

async function addFiles(
  sql: Transaction,
  orderId: number,
  { subOrder, files }: { subOrder: NewSubOrder; files: readonly (NewFile | Placeholder)[] },
): Promise<void> {
  await sql`
    INSERT INTO order_files (order_id, sub_order, reference, state, product_urn, provider_id, product_version, file_type, uri, filename,
      mime_type, size, checksum, algorithm)
    SELECT ${orderId}, ${subOrder.number}, ${subOrder.reference}, ${subOrder.reference ? "AVAILABLE" : "PENDING"}, f.*
    FROM unnest(
      ${files.map((f) => f.productUrn)}::text[], ${files.map((f) => f.providerId)}::text[],
      ${files.map((f) => f.productVersion)}::integer[], ${files.map((f) => f.fileType)}::text[],
      ${files.map((f) => f.uri)}::text[], ${files.map((f) => f.filename)}::text[], ${files.map((f) => f.mimeType)}::text[],
      ${files.map((f) => f.size ?? null)}::bigint[], ${files.map((f) => f.checksum ?? null)}::text[],
      ${files.map((f) => f.algorithm ?? null)}::text[]) AS f`;
}

/** Those that it shows. With a process these are outputs: one placeholder for the time being, as big as the inputs. */
function filesOf({ files, process }: NewSubOrder): number {
  return process ? 1 : files.length;
}

function plannedBytes(files: readonly NewFile[]): number {
  return files.reduce((sum, file) => sum + (file.size ?? 0), 0);
}
