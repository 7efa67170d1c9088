/** How patient a worker is. All of it can be set; the defaults suit archives on the Internet. */
import type { Backoff } from "../backoff.ts";

export type FetchPolicy = {
  /** Files fetched at the same time. */
  readonly parallel: number;
  /** Tries without a single new byte before a file is given up. */
  readonly tries: number;
  readonly backoff: Backoff;
  /** A transfer without a byte for so long is cut and resumed. */
  readonly stallMs: number;
  /** A source that asks to wait longer than this is asked again by a later run: no pod waits for a tape. */
  readonly longestWaitMs: number;
  /** When a source says "not ready" without saying for how long. */
  readonly notReadyMs: number;
  /** How long an unreachable database is waited for. */
  readonly databasePatienceMs: number;
  readonly reportEveryMs: number;
  readonly reportFiles: number;
  /** Time between two progress lines in the log. */
  readonly progressMs: number;
};

export const DEFAULT_POLICY: FetchPolicy = {
  parallel: 6,
  tries: 6,
  backoff: { baseMs: 500, maxMs: 30_000 },
  stallMs: 60_000,
  longestWaitMs: 30_000,
  notReadyMs: 60_000,
  databasePatienceMs: 120_000,
  reportEveryMs: 250,
  reportFiles: 200,
  progressMs: 10_000,
};
