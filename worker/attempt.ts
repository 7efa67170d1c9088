/**
 * The frame of every kind of work on one attempt of a sub-order: is it still ours to do, and which exit code tells how it ended.
 * All that is known is in the database and in staging, so the work may be killed at any byte and begun again.
 */
import type { Logger } from "pino";
import { EXIT } from "#crds/names.ts";
import { type BlobStore, BlobStoreFull } from "#store/blobs/blob-store.ts";
import type { Db } from "#store/db.ts";
import { type SubOrderRow, subOrdersOf } from "#store/files.ts";
import { StorageError } from "./fetch/copy.ts";
import { DEFAULT_POLICY, type FetchPolicy } from "./fetch/policy.ts";
import { DatabaseAway, patiently } from "./patience.ts";

/** Codes beside EXIT: the Job's own back-off starts another pod later. BSD sysexits EX_UNAVAILABLE, EX_IOERR. */
export const RETRY_EXIT = { databaseAway: 69, storage: 74 } as const;

export type AttemptOptions = {
  readonly db: Db;
  readonly blobs: BlobStore;
  readonly orderId: number;
  readonly number: number;
  readonly attempt: number;
  readonly logger: Logger;
  readonly now: () => Date;
  readonly random: () => number;
  readonly policy?: Partial<FetchPolicy>;
  readonly signal: AbortSignal;
};

/** Does the work if the attempt is the present one and something is pending, and answers the exit code. */
export async function attempt(options: AttemptOptions, work: (row: SubOrderRow) => Promise<number>): Promise<number> {
  const { logger, signal } = options;
  try {
    const row = await ask(options, () => findSubOrder(options));
    if (!row) return unfit(options, { code: EXIT.unusable, message: "there is no such sub-order" });
    if (row.attempt !== options.attempt) {
      return unfit(options, { row, code: EXIT.unusable, message: "another attempt has taken over" });
    }
    if (row.files.pending === 0) return unfit(options, { row, code: 0, message: "no file is pending: nothing to do" });
    return await work(row);
  } catch (error) {
    if (signal.aborted) return stopped(logger);
    if (error instanceof DatabaseAway) {
      logger.error({ err: error }, "database is away, giving up: the Job tries again");
      return RETRY_EXIT.databaseAway;
    }
    if (!(error instanceof StorageError)) throw error;
    const full = error.cause instanceof BlobStoreFull;
    logger.error(
      { err: error },
      full ? "no space left for files: the Job tries again" : "blob store failed: the Job tries again",
    );
    return RETRY_EXIT.storage;
  }
}

/** There is nothing to work on. */
function unfit({ logger }: AttemptOptions, o: { row?: SubOrderRow; code: number; message: string }): number {
  logger.warn({ state: o.row?.state, attempt: o.row?.attempt }, o.message);
  return o.code;
}

export function stopped(logger: Logger): number {
  logger.info("stopped: what is staged stays for the next attempt");
  return EXIT.stopped;
}

export function policyOf(options: Pick<AttemptOptions, "policy">): FetchPolicy {
  return { ...DEFAULT_POLICY, ...options.policy };
}

/** Runs a database action, waiting for a database that is away. */
export function ask<T>(options: AttemptOptions, action: () => Promise<T>): Promise<T> {
  return patiently(action, { ...options, patienceMs: policyOf(options).databasePatienceMs }, options.signal);
}

async function findSubOrder({ db, orderId, number }: AttemptOptions): Promise<SubOrderRow | undefined> {
  const rows = await subOrdersOf(db, orderId, { after: number - 1, limit: 1 });
  return rows.find((row) => row.number === number);
}
