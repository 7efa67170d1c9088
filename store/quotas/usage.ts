/** Limits and consumption of users: of their own where an administrator gave them some, else the tenant's. */
import type { Db } from "../db.ts";
import { readSettings } from "../settings.ts";
import { STALLED_MS } from "./downloads.ts";
import type { QuotaLimits } from "./limits.ts";

/** Null: the tenant's default. */
export type OwnLimits = { readonly maxQuota: number | null; readonly rateLimit: number | null };

export type QuotaUsage = QuotaLimits & {
  readonly email: string;
  /** Files counted so far. */
  readonly currentQuota: number;
  /** Downloads under way. */
  readonly currentRate: number;
};

/** What bounds the files that a user may order. */
export type FileQuota = Pick<QuotaUsage, "email" | "maxQuota" | "currentQuota">;

type UsageRow = OwnLimits & { readonly email: string; readonly currentQuota: number; readonly currentRate: number };

/** One for each address, in their order; of somebody unknown it is the tenant's limits and nothing used. */
export async function usageOf(
  db: Db,
  emails: readonly string[],
  o: { readonly now: Date },
): Promise<readonly QuotaUsage[]> {
  const rows = await db<UsageRow[]>`
    SELECT email, max_quota, rate_limit, current_quota, ${running(db, o.now)} AS current_rate
    FROM quotas q WHERE email = ANY(${[...new Set(emails)]}::text[])`;
  const byEmail = new Map(rows.map((row) => [row.email, row]));
  const defaults = await readSettings(db);
  return emails.map((email) => inEffect(byEmail.get(email) ?? { ...NOTHING, email }, defaults));
}

/** One for each address, in their order. */
export async function fileQuotas(db: Db, emails: readonly string[]): Promise<readonly FileQuota[]> {
  const rows = await db<{ email: string; maxQuota: number | null; currentQuota: number }[]>`
    SELECT email, max_quota, current_quota FROM quotas WHERE email = ANY(${[...new Set(emails)]}::text[])`;
  const byEmail = new Map(rows.map((row) => [row.email, row]));
  const defaults = await readSettings(db);
  return emails.map((email) => {
    const row = byEmail.get(email);
    return { email, maxQuota: row?.maxQuota ?? defaults.maxQuota, currentQuota: row?.currentQuota ?? 0 };
  });
}

export async function fileQuota(db: Db, email: string): Promise<FileQuota> {
  const [quota] = await fileQuotas(db, [email]);
  if (!quota) throw new Error(`Cannot tell the quota of '${email}'`);
  return quota;
}

/** Of every user, and of everybody else who was given limits or has downloaded; by e-mail. */
export async function listUsage(db: Db, o: { readonly now: Date }): Promise<readonly QuotaUsage[]> {
  const rows = await db<UsageRow[]>`
    SELECT email, max_quota, rate_limit, coalesce(current_quota, 0) AS current_quota, ${running(db, o.now)} AS current_rate
    FROM quotas q FULL JOIN users USING (email) ORDER BY email`;
  const defaults = await readSettings(db);
  return rows.map((row) => inEffect(row, defaults));
}

/** What is absent stays as it is; what was counted stays in any case. */
export async function setLimits(db: Db, email: string, limits: Partial<OwnLimits>): Promise<void> {
  const { maxQuota, rateLimit } = limits;
  await db`
    INSERT INTO quotas AS q (email, max_quota, rate_limit) VALUES (${email}, ${maxQuota ?? null}, ${rateLimit ?? null})
    ON CONFLICT (email) DO UPDATE SET
      max_quota = CASE WHEN ${maxQuota === undefined} THEN q.max_quota ELSE excluded.max_quota END,
      rate_limit = CASE WHEN ${rateLimit === undefined} THEN q.rate_limit ELSE excluded.rate_limit END`;
}

const NOTHING = { maxQuota: null, rateLimit: null, currentQuota: 0, currentRate: 0 };

function running(db: Db, now: Date) {
  const since = new Date(now.getTime() - STALLED_MS);
  return db`(SELECT count(*) FROM downloads d WHERE d.quota_id = q.id AND d.moved_at > ${since})`;
}

function inEffect({ email, maxQuota, rateLimit, ...used }: UsageRow, defaults: QuotaLimits): QuotaUsage {
  const { currentQuota, currentRate } = used;
  return {
    email,
    maxQuota: maxQuota ?? defaults.maxQuota,
    rateLimit: rateLimit ?? defaults.rateLimit,
    currentQuota,
    currentRate,
  };
}
