/** What is said in the OpenAPI document of download quotas. */
import { Type } from "@sinclair/typebox";
import type { OperationDoc, ResponseDoc } from "../http/documentation.ts";
import { Problem } from "../http/schemas.ts";
import { Emails, Quota, QuotaDefaults, QuotaUpdate, QuotaUse } from "./schemas.ts";

const refusal = (description: string): ResponseDoc => ({ description, schema: Type.Ref(Problem) });
const LIMITS: ResponseDoc = { description: "The limits in effect.", schema: Quota };
const USE: ResponseDoc = { description: "The limits in effect, and what is used of them.", schema: QuotaUse };
const USER = { userEmail: Type.String({ minLength: 1, maxLength: 128, description: "The user." }) };
const NO_EMAIL = refusal("Not an e-mail address.");

type QuotaOperation =
  | "getOwnQuota"
  | "getQuota"
  | "setQuota"
  | "listQuotas"
  | "getOwnQuotaUse"
  | "getQuotaUse"
  | "listQuotaUse"
  | "getQuotaDefaults"
  | "getMaxQuota";

export const QUOTA_DOCUMENTATION: Readonly<Record<QuotaOperation, OperationDoc>> = {
  getOwnQuota: { summary: "The caller's download limits", tag: "quotas", responses: { 200: LIMITS } },
  getQuota: {
    summary: "A user's download limits",
    tag: "quotas",
    params: USER,
    responses: { 200: LIMITS, 422: NO_EMAIL },
  },
  setQuota: {
    summary: "Give a user download limits",
    tag: "quotas",
    description:
      "A limit that is absent or null is the tenant's. What was counted stays; downloads under way go on. A file counts once for each user, when its first download begins.",
    params: USER,
    body: QuotaUpdate,
    responses: { 200: LIMITS, 422: refusal("A limit below -1, or another e-mail address than in the path.") },
  },
  listQuotas: {
    summary: "The download limits of several users",
    tag: "quotas",
    query: { user_email: "Their addresses: repeated, or with commas between." },
    responses: {
      200: { description: "In the order asked for.", schema: Type.Array(Quota) },
      422: refusal("None, too many, or not e-mail addresses."),
    },
  },
  getOwnQuotaUse: { summary: "What the caller has used of the limits", tag: "quotas", responses: { 200: USE } },
  getQuotaUse: {
    summary: "What a user has used of the limits",
    tag: "quotas",
    params: USER,
    responses: { 200: USE, 422: NO_EMAIL },
  },
  listQuotaUse: {
    summary: "What several users have used of their limits",
    tag: "quotas",
    body: Emails,
    responses: {
      200: { description: "In the order asked for.", schema: Type.Array(QuotaUse) },
      422: refusal("None, too many, or not e-mail addresses."),
    },
  },
  getQuotaDefaults: {
    summary: "The limits of users without their own",
    tag: "quotas",
    description: "They are the settings `maxQuota` and `rateLimit`.",
    responses: { 200: { description: "The limits.", schema: QuotaDefaults } },
  },
  getMaxQuota: {
    summary: "How many files a user without a quota of their own may download",
    tag: "quotas",
    responses: { 200: { description: "The number; -1: no limit.", schema: Type.Integer() } },
  },
};
