/** Bodies of the contract's quota endpoints. Limits: -1 is none, 0 forbids. */
import { Type } from "@sinclair/typebox";

const MAX_EMAILS = 2000;

/** Whatever may name a user: a blank or a control character cannot. */
export const Email = Type.String({ minLength: 1, maxLength: 128, pattern: "^[^\\s\\u0000-\\u001f\\u007f]+$" });

const limit = (description: string) =>
  Type.Integer({ minimum: -1, maximum: Number.MAX_SAFE_INTEGER, description: `${description}; -1: no limit.` });

const LIMITS = {
  maxQuota: limit("Stored raw data files that the user may download, ever"),
  rateLimit: limit("Downloads at the same time"),
};

export const Quota = Type.Object({ email: Type.String(), ...LIMITS });

export const QuotaDefaults = Type.Object(LIMITS);

export const QuotaUse = Type.Object({
  ...Quota.properties,
  currentQuota: Type.Integer({ description: "Files that the user has begun to download, each once." }),
  currentRate: Type.Integer({ description: "Downloads under way." }),
});

export const QuotaUpdate = Type.Object(
  {
    email: Type.Optional(Type.Union([Email, Type.Null()], { description: "As in the path." })),
    maxQuota: Type.Optional(Type.Union([LIMITS.maxQuota, Type.Null()], { description: "Absent: the tenant's." })),
    rateLimit: Type.Optional(Type.Union([LIMITS.rateLimit, Type.Null()], { description: "Absent: the tenant's." })),
  },
  { examples: [{ email: "alice@example.org", maxQuota: 1000, rateLimit: 2 }] },
);

export const Emails = Type.Array(Email, { maxItems: MAX_EMAILS });
