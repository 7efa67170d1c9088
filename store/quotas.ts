/**
 * Download quotas: how many files each user may download and how many downloads may run at a time, and what they have used.
 * The door to store/quotas/: other folders import from here, so the split inside may change.
 */
import { type Begun, beginDownload, endDownload, keepDownloads, STALLED_MS } from "./quotas/downloads.ts";
import { quotaEffect } from "./quotas/effect.ts";
import { listUsage, setLimits, usageOf } from "./quotas/usage.ts";

export type { Begun };
export { beginDownload, endDownload, keepDownloads, listUsage, quotaEffect, STALLED_MS, setLimits, usageOf };
