/**
 * Which blobs there are and when each was last wanted, and the collector of those that no file and no process's input refers to.
 *
 *   worker:     touch the row (last_used = now) → give the bytes their name → report the file (row locked, must exist)
 *   collector:  lock the row, still unused → look for files, in a new snapshot → delete the row → remove the bytes → commit
 *
 * The row is touched before the bytes get their name, so the collector either sees the touch and lets go, or is done before the bytes come anew.
 */
import type { BlobStore } from "./blobs/blob-store.ts";
import type { Db, Transaction } from "./db.ts";

export type BlobRow = { readonly sha256: string; readonly size: number };

/** Announces that these blobs are about to be stored or referred to: the collector leaves them alone from now on. */
export async function touchBlobs(db: Db, blobs: readonly BlobRow[], o: { readonly now: Date }): Promise<void> {
  if (blobs.length === 0) return;
  await upsert(db, blobs, o.now);
}

/** Those of the blobs that are known, touched. A known blob's bytes may be missing still: ask the blob store before relying on it. */
export async function findBlobs(
  db: Db,
  sha256: readonly string[],
  o: { readonly now: Date },
): Promise<readonly BlobRow[]> {
  const rows = await db<BlobRow[]>`
    WITH held AS MATERIALIZED (
      SELECT sha256 FROM blobs
      WHERE sha256 IN (SELECT decode(hex, 'hex') FROM unnest(${[...sha256]}::text[]) AS hex)
      ORDER BY sha256
      FOR NO KEY UPDATE)
    UPDATE blobs b SET last_used = greatest(last_used, ${o.now}) FROM held WHERE b.sha256 = held.sha256
    RETURNING encode(b.sha256, 'hex') AS sha256, b.size`;
  return [...rows];
}

const LOOKED_AT_AT_ONCE = 1_000;
/** In one transaction, which holds their rows. */
const REMOVED_AT_ONCE = 100;
const REMOVALS_SIDE_BY_SIDE = 8;

export type CollectOptions = {
  readonly now: Date;
  /** Only blobs not touched for this long (ms); longer than a worker takes from touching to reporting. */
  readonly unusedFor: number;
  /** Also look through the store for bytes that have no row (a restored database): they are treated as last used when they were stored. */
  readonly adopt?: boolean;
};

/** Removes the blobs that no file refers to, and what was staged and left; returns how many blobs and bytes. */
export async function collectBlobs(
  db: Db,
  blobs: BlobStore,
  o: CollectOptions,
): Promise<{ readonly blobs: number; readonly bytes: number }> {
  const before = new Date(o.now.getTime() - o.unusedFor);
  if (o.adopt) await adoptBlobs(db, blobs);
  await blobs.sweepStaging(before);
  const removed = { blobs: 0, bytes: 0 };
  let after: string | undefined = "";
  while (after !== undefined) {
    const page = await unusedBlobs(db, { after, before });
    for (let i = 0; i < page.unused.length; i += REMOVED_AT_ONCE) {
      const sha256 = page.unused.slice(i, i + REMOVED_AT_ONCE);
      for (const { size } of await removeBlobs(db, blobs, { sha256, before })) {
        removed.blobs += 1;
        removed.bytes += size;
      }
    }
    after = page.last;
  }
  return removed;
}

/** Of the next page of all blobs, by hash, those that may go; a whole walk is one index probe per blob, however many there are. */
async function unusedBlobs(
  db: Db,
  o: { after: string; before: Date },
): Promise<{ readonly unused: readonly string[]; readonly last?: string }> {
  const rows = await db<{ sha256: string; unused: boolean }[]>`
    SELECT encode(page.sha256, 'hex') AS sha256, page.last_used < ${o.before} AND files.used IS NULL AND inputs.used IS NULL AS unused
    FROM (SELECT sha256, last_used FROM blobs WHERE sha256 > decode(${o.after}, 'hex') ORDER BY sha256 LIMIT ${LOOKED_AT_AT_ONCE}) page
    LEFT JOIN LATERAL (SELECT true AS used FROM order_files f WHERE f.sha256 = page.sha256 LIMIT 1) files ON true
    LEFT JOIN LATERAL (SELECT true AS used FROM process_inputs i WHERE i.sha256 = page.sha256 LIMIT 1) inputs ON true
    ORDER BY page.sha256`;
  const last = rows.at(-1)?.sha256;
  return { unused: rows.filter((row) => row.unused).map((row) => row.sha256), ...(last !== undefined && { last }) };
}

/** Two statements, because the second must see files reported while the first waited for the rows. */
function removeBlobs(
  db: Db,
  blobs: BlobStore,
  o: { sha256: readonly string[]; before: Date },
): Promise<readonly BlobRow[]> {
  return db.begin(async (sql) => {
    const held = await sql<{ hex: string }[]>`
      SELECT encode(sha256, 'hex') AS hex FROM blobs
      WHERE sha256 IN (SELECT decode(hex, 'hex') FROM unnest(${[...o.sha256]}::text[]) AS hex) AND last_used < ${o.before}
      ORDER BY sha256
      FOR UPDATE SKIP LOCKED`;
    const gone = await sql<BlobRow[]>`
      DELETE FROM blobs b
      WHERE sha256 IN (SELECT decode(hex, 'hex') FROM unnest(${held.map(({ hex }) => hex)}::text[]) AS hex)
        AND NOT EXISTS (SELECT FROM order_files f WHERE f.sha256 = b.sha256)
        AND NOT EXISTS (SELECT FROM process_inputs i WHERE i.sha256 = b.sha256)
      RETURNING encode(sha256, 'hex') AS sha256, size`;
    for (let i = 0; i < gone.length; i += REMOVALS_SIDE_BY_SIDE) {
      await Promise.all(gone.slice(i, i + REMOVALS_SIDE_BY_SIDE).map(({ sha256 }) => blobs.remove(sha256)));
    }
    await addSpace(sql, -gone.reduce((sum, { size }) => sum + size, 0));
    return [...gone];
  });
}

async function adoptBlobs(db: Db, blobs: BlobStore): Promise<void> {
  for await (const { sha256, size, modified } of blobs.list()) await upsert(db, [{ sha256, size }], modified);
}

function upsert(db: Db, blobs: readonly BlobRow[], lastUsed: Date): Promise<void> {
  return db.begin(async (sql) => {
    const rows = await sql<{ added: number }[]>`
      INSERT INTO blobs AS b (sha256, size, last_used)
      SELECT DISTINCT ON (hex) decode(hex, 'hex'), size, ${lastUsed}::timestamptz
      FROM unnest(${blobs.map((blob) => blob.sha256)}::text[], ${blobs.map((blob) => blob.size)}::bigint[]) AS t(hex, size)
      ORDER BY hex
      ON CONFLICT (sha256) DO UPDATE SET last_used = greatest(b.last_used, excluded.last_used)
      RETURNING CASE WHEN xmax = 0 THEN size ELSE 0 END AS added`;
    await addSpace(
      sql,
      rows.reduce((sum, { added }) => sum + added, 0),
    );
  });
}

/** Last of a transaction's writes: the one row is held for as short as can be. */
async function addSpace(sql: Transaction, bytes: number): Promise<void> {
  if (bytes !== 0) await sql`UPDATE blob_space SET bytes = bytes + ${bytes}`;
}
