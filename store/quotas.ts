/**
 * Download quotas: how many files each user may download and how many downloads may run at a time, and what they have used.
 * The door to store/quotas/: other folders import from here, so the split inside may change.
 */
import {
  type BeginDownload,
  type Begun,
  beginDownload,
  endDownload,
  keepDownloads,
  STALLED_MS,
} from "./quotas/downloads.ts";
import { type QuotaEffect, quotaEffect } from "./quotas/effect.ts";
import { UNLIMITED } from "./quotas/limits.ts";
import { listUsage, type OwnLimits, type QuotaUsage, setLimits, usageOf } from "./quotas/usage.ts";

export type { BeginDownload, Begun, OwnLimits, QuotaEffect, QuotaUsage };
export { beginDownload, endDownload, keepDownloads, listUsage, quotaEffect, STALLED_MS, setLimits, UNLIMITED, usageOf };
