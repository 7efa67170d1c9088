/**
 * Download quotas: how many files each user may download and how many downloads may run at a time, and what they have used.
 * The door to store/quotas/: other folders import from here, so the split inside may change.
 */
import { type Begun, beginDownload, endDownload, keepDownloads, STALLED_MS } from "./quotas/downloads.ts";
import { type QuotaEffect, quotaEffect } from "./quotas/effect.ts";
import { UNLIMITED } from "./quotas/limits.ts";
import {
  type FileQuota,
  fileQuota,
  fileQuotas,
  listUsage,
  type QuotaUsage,
  setLimits,
  usageOf,
} from "./quotas/usage.ts";

export type { Begun, FileQuota, QuotaEffect, QuotaUsage };
export {
  beginDownload,
  endDownload,
  fileQuota,
  fileQuotas,
  keepDownloads,
  listUsage,
  quotaEffect,
  STALLED_MS,
  setLimits,
  UNLIMITED,
  usageOf,
};
