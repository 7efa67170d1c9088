/**
 * The download quotas of users, at the addresses and in the form of the contract's storage service. Limits are shown as they are in effect: a user
 * without any has the tenant's, which are settings. Nobody needs to be known for that: a user may come with a token alone.
 */
import { TypeCompiler } from "@sinclair/typebox/compiler";
import type { Db } from "#store/db.ts";
import { type QuotaUsage, setLimits, usageOf } from "#store/quotas.ts";
import { readSettings } from "#store/settings.ts";
import type { Call, Handler } from "../http/call.ts";
import { bodyProblems, checkedBody } from "../http/check-body.ts";
import { HttpProblem } from "../http/problem.ts";
import { json } from "../http/respond.ts";
import type { QUOTA_DOCUMENTATION } from "./documentation.ts";
import { Email, Emails, QuotaUpdate } from "./schemas.ts";

export type QuotaDeps = { readonly db: Db; readonly now: () => Date };

const EMAIL = TypeCompiler.Compile(Email);
const EMAILS = TypeCompiler.Compile(Emails);
const UPDATE = TypeCompiler.Compile(QuotaUpdate);

export function quotaHandlers(deps: QuotaDeps): Readonly<Record<keyof typeof QUOTA_DOCUMENTATION, Handler>> {
  const one = async (email: string, shown: (usage: QuotaUsage) => object) => {
    const [usage] = await usageOf(deps.db, [email], { now: deps.now() });
    return json(200, usage && shown(usage));
  };
  const some = async (emails: readonly string[], shown: (usage: QuotaUsage) => object) =>
    json(200, (await usageOf(deps.db, emails, { now: deps.now() })).map(shown));
  return {
    getOwnQuota: ({ principal }) => one(principal.email, limits),
    getQuota: (call) => one(userEmail(call), limits),
    listQuotas: ({ query }) => some(checkedEmails("user_email", namedEmails(query)), limits),
    getOwnQuotaUse: ({ principal }) => one(principal.email, use),
    getQuotaUse: (call) => one(userEmail(call), use),
    listQuotaUse: ({ body }) => some(checkedEmails("body", body), use),
    getQuotaDefaults: async () => json(200, await defaults(deps.db)),
    getMaxQuota: async () => json(200, (await defaults(deps.db)).maxQuota),
    setQuota: async (call) => {
      const email = userEmail(call);
      const update = checkedBody(UPDATE, call.body);
      if (update.email !== undefined && update.email !== email) {
        throw new HttpProblem(422, [`email: expected '${email}', as in the path`]);
      }
      await setLimits(deps.db, email, { maxQuota: update.maxQuota ?? null, rateLimit: update.rateLimit ?? null });
      return one(email, limits);
    },
  };
}

function limits({ email, maxQuota, rateLimit }: QuotaUsage) {
  return { email, maxQuota, rateLimit };
}

function use({ email, maxQuota, rateLimit, currentQuota, currentRate }: QuotaUsage) {
  return { email, maxQuota, rateLimit, currentQuota, currentRate };
}

async function defaults(db: Db) {
  const { maxQuota, rateLimit } = await readSettings(db);
  return { maxQuota, rateLimit };
}

function userEmail({ params }: Call): string {
  const email = params["userEmail"] ?? "";
  if (!EMAIL.Check(email))
    throw new HttpProblem(422, ["userEmail: expected an e-mail address of at most 128 characters"]);
  return email;
}

/** Repeated, or with commas between. */
function namedEmails(query: URLSearchParams): readonly string[] {
  return query.getAll("user_email").flatMap((list) => list.split(","));
}

function checkedEmails(field: string, emails: unknown): readonly string[] {
  if (EMAILS.Check(emails) && emails.length > 0) return emails;
  const [problem] = bodyProblems(EMAILS, emails);
  if (!problem) throw new HttpProblem(422, [`${field}: expected at least one e-mail address`]);
  throw new HttpProblem(422, [`${field}${problem.field}: ${problem.message}`]);
}
