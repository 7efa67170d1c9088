/**
 * What a process gave, put in the place of the row that stood for it: all of it in one transaction, once, by the running attempt only.
 * A worker that is late (its order was paused, another took over) or that says it twice changes nothing.
 */
import { notifyChange } from "../changes.ts";
import type { Db, Transaction } from "../db.ts";
import { text } from "./report.ts";
import type { Output } from "./types.ts";

export type Published =
  | "published"
  /** Its end was told already. */
  | "before"
  /** Another attempt runs, or none. */
  | "stale"
  /** A blob is not there (any more): nothing was written. */
  | "blobMissing";

export type RunEnd = {
  readonly attempt: number;
  readonly now: Date;
};

/** Stores the outputs as available files, the first in the placeholder's row; `message` tells what there is to know about them. */
export async function publishOutputs(
  db: Db,
  orderId: number,
  number: number,
  o: RunEnd & { readonly outputs: readonly Output[]; readonly message?: string },
): Promise<Published> {
  const [first] = o.outputs;
  if (first === undefined) throw new Error("Cannot publish: expected at least one output");
  return await db.begin(async (sql): Promise<Published> => {
    const placeholder = await heldPlaceholder(sql, orderId, number, o.attempt);
    if (typeof placeholder === "string") return placeholder;
    if (!(await holdBlobs(sql, o.outputs))) return "blobMissing";
    await sql`
      UPDATE order_files SET state = 'AVAILABLE', filename = ${first.filename}, mime_type = ${first.mimeType}, size = ${first.size},
        received_size = ${first.size}, crc32 = ${first.crc32}, sha256 = decode(${first.sha256}, 'hex'), error = NULL
      WHERE id = ${placeholder.id}`;
    const others = o.outputs.slice(1);
    await sql`
      INSERT INTO order_files (order_id, sub_order, reference, state, product_version, product_urn, provider_id, file_type, uri, filename,
        mime_type, size, received_size, crc32, sha256)
      SELECT p.order_id, p.sub_order, p.reference, 'AVAILABLE', p.product_version, p.product_urn, p.provider_id, p.file_type, p.uri,
        o.filename, o.mime_type, o.size, o.size, o.crc32, decode(o.hex, 'hex')
      FROM order_files p
      CROSS JOIN unnest(${others.map((f) => f.filename)}::text[], ${others.map((f) => f.mimeType)}::text[],
        ${others.map((f) => f.size)}::bigint[], ${others.map((f) => f.crc32)}::bigint[], ${others.map((f) => f.sha256)}::text[])
        WITH ORDINALITY AS o(filename, mime_type, size, crc32, hex, n)
      WHERE p.id = ${placeholder.id}
      ORDER BY o.n`;
    await countOutputs(sql, orderId, number, { outputs: o.outputs, placeholder });
    await tell(sql, orderId, number, { message: o.message, now: o.now });
    return "published";
  });
}

/** The run gave nothing and will not: its placeholder fails for this reason. False if that attempt does not run, or its end was told before. */
export function failOutputs(
  db: Db,
  orderId: number,
  number: number,
  o: RunEnd & { readonly reason: string },
): Promise<boolean> {
  return db.begin(async (sql) => {
    const placeholder = await heldPlaceholder(sql, orderId, number, o.attempt);
    if (typeof placeholder === "string") return false;
    await sql`UPDATE order_files SET state = 'PROCESSING_ERROR', error = ${text(o.reason)} WHERE id = ${placeholder.id}`;
    await tell(sql, orderId, number, { message: o.reason, now: o.now });
    return true;
  });
}

type HeldPlaceholder = { readonly id: number; readonly size: number };

/** The row that still stands for the outputs, its sub-order held, if this attempt of it runs. */
async function heldPlaceholder(
  sql: Transaction,
  orderId: number,
  number: number,
  attempt: number,
): Promise<HeldPlaceholder | "stale" | "before"> {
  const running = await sql`
    SELECT FROM sub_orders
    WHERE order_id = ${orderId} AND number = ${number} AND attempt = ${attempt} AND state = 'Running' AND process IS NOT NULL
    FOR NO KEY UPDATE`;
  if (running.count === 0) return "stale";
  const [row] = await sql<HeldPlaceholder[]>`
    SELECT id, coalesce(size, 0) AS size FROM order_files WHERE order_id = ${orderId} AND sub_order = ${number} AND state = 'PENDING'`;
  return row ?? "before";
}

/** The dataset counted the placeholder until now. Its row is the last that is taken: all runs of the order share it. */
async function countOutputs(
  sql: Transaction,
  orderId: number,
  number: number,
  o: { readonly outputs: readonly Output[]; readonly placeholder: HeldPlaceholder },
): Promise<void> {
  const size = o.outputs.reduce((sum, output) => sum + output.size, 0);
  await sql`
    UPDATE order_datasets d SET files_count = d.files_count + ${o.outputs.length - 1},
      files_size = d.files_size + ${size - o.placeholder.size}
    FROM sub_orders s
    WHERE s.order_id = ${orderId} AND s.number = ${number} AND d.order_id = s.order_id AND d.dataset_urn = s.dataset_urn`;
}

async function tell(
  sql: Transaction,
  orderId: number,
  number: number,
  o: { readonly message: string | undefined; readonly now: Date },
): Promise<void> {
  await sql`
    UPDATE sub_orders SET changes = changes + 1, last_report_at = ${o.now}, last_arrival_at = ${o.now},
      message = ${o.message === undefined ? null : text(o.message)}
    WHERE order_id = ${orderId} AND number = ${number}`;
  await notifyChange(sql, orderId);
}

/** Locks the blobs' rows against the collector, in the order of their hashes like everybody who locks several; false where one is not there. */
async function holdBlobs(sql: Transaction, outputs: readonly Output[]): Promise<boolean> {
  const wanted = [...new Set(outputs.map(({ sha256 }) => sha256))].sort();
  const held = await sql`
    SELECT FROM blobs WHERE sha256 IN (SELECT decode(hex, 'hex') FROM unnest(${wanted}::text[]) AS hex) ORDER BY sha256 FOR SHARE`;
  return held.count === wanted.length;
}
