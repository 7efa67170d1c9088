/** Riding out a database that is away for a moment (restart, fail-over): a worker with files half fetched had better wait than begin again. */
import type { Logger } from "pino";
import { backoffMs, pause } from "./backoff.ts";

export type Patience = {
  readonly patienceMs: number;
  readonly now: () => Date;
  readonly random: () => number;
  readonly logger: Logger;
};

/** The database was away for longer than the worker waits: the Job's own back-off takes over. */
export class DatabaseAway extends Error {
  override readonly name = "DatabaseAway";
}

const CONNECTION_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "CONNECTION_ENDED",
  "CONNECT_TIMEOUT",
  "ERR_SOCKET_CLOSED",
  // SQLSTATE: serialization failure and dead-lock are worth another go as well.
  "40001",
  "40P01",
]);

/** Whether this error says that the database cannot be reached or is (re)starting, not that the statement is wrong. */
export function isAway(error: unknown): boolean {
  if (!(error instanceof Error) || !("code" in error)) return false;
  const code = String(error.code);
  return CONNECTION_CODES.has(code) || /^(08|53|57P)/.test(code);
}

/** Runs `action` until it succeeds; after `patienceMs` of a database that is away it throws DatabaseAway. Other errors pass. */
export async function patiently<T>(action: () => Promise<T>, options: Patience, signal: AbortSignal): Promise<T> {
  const until = options.now().getTime() + options.patienceMs;
  for (let failures = 1; ; failures++) {
    try {
      return await action();
    } catch (error) {
      if (!isAway(error)) throw error;
      if (signal.aborted || options.now().getTime() >= until) {
        throw new DatabaseAway(`Cannot reach database: away for ${options.patienceMs / 1000} s`, { cause: error });
      }
      options.logger.warn({ failures, error: String(error) }, "database is away, waiting for it");
      await pause(backoffMs(failures, { baseMs: 200, maxMs: 5000 }, options.random), signal);
    }
  }
}
