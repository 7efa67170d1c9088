/**
 * Downloads under way and the files they count. A file counts once for each user, when its first download begins, in the transaction that lets the
 * download begin: so a resumed, repeated or parallel download of it costs nothing more, and no crash can make the count drift. Only stored raw
 * data counts; what holds none of it takes no place either (rs-order.md §6.6).
 */
import type { Db, Transaction } from "../db.ts";
import { readSettings } from "../settings.ts";
import { excess, type QuotaLimits } from "./limits.ts";
import type { OwnLimits } from "./usage.ts";

/** A download that has not moved for so long does not count as running. */
export const STALLED_MS = 60_000;

export type BeginDownload = {
  readonly id: string;
  /** Who downloads. */
  readonly email: string;
  readonly orderId: number;
  /** The files whose bytes were asked for, of that order. */
  readonly fileIds: readonly number[];
  readonly now: Date;
};

export type Begun =
  /** `running`: it holds one of the user's places until it is ended. */
  | { readonly kind: "begun"; readonly running: boolean }
  | {
      readonly kind: "quotaExceeded";
      readonly limit: number;
      readonly by: number;
      /** Files asked for that count and were not counted before. */
      readonly fresh: number;
      /** How many the user may still get. */
      readonly left: number;
    }
  | { readonly kind: "rateExceeded"; readonly limit: number; readonly by: number };

type QuotaRow = OwnLimits & { readonly id: number; readonly currentQuota: number };

/** Counts the files and takes a place, or does neither. Downloads of one user begin one after another, under the lock of their row. */
export async function beginDownload(db: Db, download: BeginDownload): Promise<Begun> {
  const defaults = await readSettings(db);
  return db.begin(async (sql) => {
    const user = await lockedQuota(sql, download.email);
    const { counting, fresh } = await count(sql, download, user);
    if (counting === 0) return { kind: "begun", running: false };
    const limits = { maxQuota: user.maxQuota ?? defaults.maxQuota, rateLimit: user.rateLimit ?? defaults.rateLimit };
    const refused = refusal(limits, {
      fresh,
      used: user.currentQuota,
      running: await othersRunning(sql, user, download),
    });
    if (refused) return refused;
    if (fresh > 0) await countFiles(sql, download, user);
    await sql`INSERT INTO downloads (id, quota_id, moved_at) VALUES (${download.id}, ${user.id}, ${download.now})`;
    return { kind: "begun", running: true };
  });
}

async function lockedQuota(sql: Transaction, email: string): Promise<QuotaRow> {
  const find = () =>
    sql<QuotaRow[]>`SELECT id, max_quota, rate_limit, current_quota FROM quotas WHERE email = ${email} FOR UPDATE`;
  const [known] = await find();
  if (known) return known;
  await sql`INSERT INTO quotas (email) VALUES (${email}) ON CONFLICT DO NOTHING`;
  const [made] = await find();
  if (!made) throw new Error(`Cannot find the quota of '${email}', which was just made`);
  return made;
}

/** `fresh`: those of the counting ones that the user has not begun before. */
async function count(
  sql: Transaction,
  { orderId, fileIds }: BeginDownload,
  user: QuotaRow,
): Promise<{ counting: number; fresh: number }> {
  const ids = [...fileIds];
  const [counted] = await sql<{ counting: number; before: number }[]>`
    SELECT count(*) AS counting,
      (SELECT count(*) FROM counted_files
       WHERE order_id = ${orderId} AND quota_id = ${user.id} AND file_id = ANY(${ids}::bigint[])) AS before
    FROM order_files f
    WHERE f.id = ANY(${ids}::bigint[]) AND ${counts(sql, orderId)}`;
  const { counting, before } = counted ?? { counting: 0, before: 0 };
  return { counting, fresh: counting - before };
}

/**
 * Not the files of a dataset itself, which come along unasked for: the contract's service keeps them elsewhere and does not count them.
 * The few sub-orders are looked up once, into a hash, whatever statistics there are: for each file it would take seconds of a large order.
 */
function counts(sql: Transaction, orderId: number) {
  return sql`f.file_type = 'RAWDATA' AND NOT f.reference AND (f.sub_order, f.product_urn) NOT IN
    (SELECT number, dataset_urn FROM sub_orders WHERE order_id = ${orderId})`;
}

/** Also clears away what has stalled: if it moves again after all, it takes its place again. */
async function othersRunning(sql: Transaction, user: QuotaRow, { now }: BeginDownload): Promise<number> {
  const [running] = await sql<{ count: number }[]>`
    WITH stalled AS (
      DELETE FROM downloads WHERE quota_id = ${user.id} AND moved_at <= ${new Date(now.getTime() - STALLED_MS)} RETURNING id
    )
    SELECT count(*) FROM downloads WHERE quota_id = ${user.id} AND id NOT IN (SELECT id FROM stalled)`;
  return running?.count ?? 0;
}

function refusal(
  limits: QuotaLimits,
  o: { readonly fresh: number; readonly used: number; readonly running: number },
): Begun | undefined {
  const { fresh } = o;
  const tooMany = fresh === 0 ? 0 : excess(o.used + fresh, limits.maxQuota);
  const left = Math.max(limits.maxQuota - o.used, 0);
  if (tooMany > 0) return { kind: "quotaExceeded", limit: limits.maxQuota, by: tooMany, fresh, left };
  const tooManyAtOnce = excess(o.running + 1, limits.rateLimit);
  if (tooManyAtOnce > 0) return { kind: "rateExceeded", limit: limits.rateLimit, by: tooManyAtOnce };
  return undefined;
}

async function countFiles(sql: Transaction, { orderId, fileIds }: BeginDownload, user: QuotaRow): Promise<void> {
  await sql`
    WITH fresh AS (
      INSERT INTO counted_files (order_id, file_id, quota_id)
      SELECT ${orderId}, f.id, ${user.id} FROM order_files f
      WHERE f.id = ANY(${[...fileIds]}::bigint[]) AND ${counts(sql, orderId)}
      ON CONFLICT DO NOTHING
      RETURNING file_id
    )
    UPDATE quotas SET current_quota = current_quota + (SELECT count(*) FROM fresh) WHERE id = ${user.id}`;
}

/** A download that moves. */
export type Moving = { readonly id: string; readonly email: string };

/** These downloads have moved: they keep their places, or take them again. */
export async function keepDownloads(db: Db, moving: readonly Moving[], o: { readonly now: Date }): Promise<void> {
  await db`
    INSERT INTO downloads (id, quota_id, moved_at)
    SELECT m.id, q.id, ${o.now}
    FROM unnest(${moving.map(({ id }) => id)}::uuid[], ${moving.map(({ email }) => email)}::text[]) AS m(id, email)
    JOIN quotas q USING (email)
    ON CONFLICT (id) DO UPDATE SET moved_at = excluded.moved_at`;
}

export async function endDownload(db: Db, id: string): Promise<void> {
  await db`DELETE FROM downloads WHERE id = ${id}`;
}
