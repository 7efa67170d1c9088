/**
 * What a process works on. At first the files of its sub-order are one row that stands for whatever it will give; publishing puts the outputs in
 * its place. The inputs are kept apart until the sub-order ends: they are fetched and kept like files, but they are nobody's.
 */
import { type Db, type Transaction, withoutNulls } from "../db.ts";
import type { InputRow, NewFile, NewSubOrder } from "./types.ts";

/** The row that stands for the outputs: a link to it leads to the first of them once they are there. */
export type Placeholder = Omit<NewFile, "fileType"> & { readonly fileType: "OTHER" };

/** Named as upstream does (rs-order.md §9.4): by the product, or by order and sub-order; as big as the inputs, for want of better. */
export function placeholderOf(orderId: number, { number, files, process }: NewSubOrder): Placeholder {
  const run = `order-${orderId}_subOrder-${number}`;
  const product = process?.scope === "Product" ? files[0] : undefined;
  return {
    productUrn: product?.productUrn ?? run,
    providerId: product?.providerId ?? run,
    productVersion: product?.productVersion ?? 1,
    fileType: "OTHER",
    reference: false,
    uri: `process:${process?.name ?? ""}/${run}`,
    filename: product?.providerId ?? run,
    mimeType: "application/octet-stream",
    size: files.reduce((sum, file) => sum + (file.size ?? 0), 0),
  };
}

export async function addInputs(
  sql: Transaction,
  orderId: number,
  { subOrder, files }: { subOrder: NewSubOrder; files: readonly NewFile[] },
): Promise<void> {
  await sql`
    INSERT INTO process_inputs (order_id, sub_order, state, product_urn, provider_id, product_version, file_type, uri, filename,
      mime_type, size, checksum, algorithm)
    SELECT ${orderId}, ${subOrder.number}, 'PENDING', f.*
    FROM unnest(
      ${files.map((f) => f.productUrn)}::text[], ${files.map((f) => f.providerId)}::text[],
      ${files.map((f) => f.productVersion)}::integer[], ${files.map((f) => f.fileType)}::text[],
      ${files.map((f) => f.uri)}::text[], ${files.map((f) => f.filename)}::text[], ${files.map((f) => f.mimeType)}::text[],
      ${files.map((f) => f.size ?? null)}::bigint[], ${files.map((f) => f.checksum ?? null)}::text[],
      ${files.map((f) => f.algorithm ?? null)}::text[]) AS f`;
}

/** All inputs of a sub-order, by id; none once it has ended. */
export async function inputsOf(db: Db, orderId: number, number: number): Promise<readonly InputRow[]> {
  const rows = await db<InputRow[]>`
    SELECT id, product_urn, provider_id, product_version, file_type, uri, filename, mime_type, coalesce(received_size, size) AS size,
      checksum, algorithm, state, encode(sha256, 'hex') AS sha256, error
    FROM process_inputs WHERE order_id = ${orderId} AND sub_order = ${number} ORDER BY id`;
  return rows.map((row) => withoutNulls<InputRow>(row));
}

/** The bytes of these inputs are gone from the store: they are wanted again. */
export async function wantInputs(db: Db, orderId: number, ids: readonly number[]): Promise<void> {
  await db`
    UPDATE process_inputs SET state = 'PENDING', sha256 = NULL, received_size = NULL, crc32 = NULL
    WHERE order_id = ${orderId} AND id = ANY(${[...ids]}::bigint[]) AND state = 'AVAILABLE'`;
}
