/**
 * Which blobs there are and when each was last wanted, and the collector of those that no file refers to.
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

const BLOBS_AT_ONCE = 100;
const REMOVALS_AT_ONCE = 8;

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
  for (let after = ""; ; ) {
    const batch = await unused(db, { after, before });
    const last = batch.at(-1);
    if (last === undefined) return removed;
    for (const { size } of await removeBlobs(db, blobs, { sha256: batch, before })) {
      removed.blobs += 1;
      removed.bytes += size;
    }
    after = last;
  }
}

async function unused(db: Db, o: { after: string; before: Date }): Promise<readonly string[]> {
  const rows = await db<{ sha256: string }[]>`
    SELECT encode(sha256, 'hex') AS sha256 FROM blobs b
    WHERE sha256 > decode(${o.after}, 'hex') AND last_used < ${o.before}
      AND NOT EXISTS (SELECT FROM order_files f WHERE f.sha256 = b.sha256)
    ORDER BY b.sha256
    LIMIT ${BLOBS_AT_ONCE}`;
  return rows.map(({ sha256 }) => sha256);
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
      RETURNING encode(sha256, 'hex') AS sha256, size`;
    for (let i = 0; i < gone.length; i += REMOVALS_AT_ONCE) {
      await Promise.all(gone.slice(i, i + REMOVALS_AT_ONCE).map(({ sha256 }) => blobs.remove(sha256)));
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
