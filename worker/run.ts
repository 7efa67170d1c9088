/**
 * The work of one Job: every pending file of one sub-order, fetched a few at a time and reported in batches.
 * All it knows is in the database and in staging, so it may be killed at any byte and begun again; the exit code tells the Job how it ended.
 */
import type { Logger } from "pino";
import { EXIT } from "#crds/names.ts";
import type { SourceSettings } from "#sources/guard/rules.ts";
import { openSources } from "#sources/open.ts";
import type { Source } from "#sources/source.ts";
import { findBlobs, touchBlobs } from "#store/blob-rows.ts";
import { type BlobStore, BlobStoreFull } from "#store/blobs/blob-store.ts";
import type { Db } from "#store/db.ts";
import { type FileResult, reportFiles, type SubOrderRow, subOrdersOf, takeFiles, type WorkFile } from "#store/files.ts";
import { together } from "./fetch/batch.ts";
import { StorageError } from "./fetch/copy.ts";
import { type FetchContext, fetchFile } from "./fetch/file.ts";
import { DEFAULT_POLICY, type FetchPolicy } from "./fetch/policy.ts";
import { Reporter } from "./fetch/reporter.ts";
import { DatabaseAway, patiently } from "./patience.ts";
import { Progress } from "./progress.ts";

/** Codes beside EXIT: the Job's own back-off starts another pod later. BSD sysexits EX_UNAVAILABLE, EX_IOERR. */
export const RETRY_EXIT = { databaseAway: 69, storage: 74 } as const;

export type WorkerSettings = SourceSettings & { readonly max_source_silence_seconds: number };

export type WorkerOptions = {
  readonly db: Db;
  readonly blobs: BlobStore;
  readonly orderId: number;
  readonly number: number;
  readonly attempt: number;
  readonly settings: WorkerSettings;
  readonly logger: Logger;
  readonly now: () => Date;
  readonly random: () => number;
  /** ORDER_SOURCE_S3_*: where `s3:` files lie. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly policy?: Partial<FetchPolicy>;
  /** Instead of the sources that the settings give. */
  readonly source?: Source;
  readonly signal: AbortSignal;
};

const PAGE = 500;
/** A blob collected between its fetch and its report leaves the file pending: such files get another pass in the same run. */
const MOST_PASSES = 3;

/** Works through the sub-order and answers the exit code. */
export async function runWorker(options: WorkerOptions): Promise<number> {
  const { logger, signal } = options;
  try {
    const row = await ask(options, () => findSubOrder(options));
    const verdict = unfit(row, options);
    if (verdict) {
      logger.warn({ state: row?.state, attempt: row?.attempt }, verdict.message);
      return verdict.code;
    }
    return await work(options, new Progress({ files: row?.files.pending ?? 0, ...options, policy: policyOf(options) }));
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

function stopped(logger: Logger): number {
  logger.info("stopped: what is staged stays for the next attempt");
  return EXIT.stopped;
}

function policyOf(options: WorkerOptions): FetchPolicy {
  return { ...DEFAULT_POLICY, ...options.policy };
}

/** Runs a database action, waiting for a database that is away. */
function ask<T>(options: WorkerOptions, action: () => Promise<T>): Promise<T> {
  return patiently(action, { ...options, patienceMs: policyOf(options).databasePatienceMs }, options.signal);
}

async function findSubOrder({ db, orderId, number }: WorkerOptions): Promise<SubOrderRow | undefined> {
  const rows = await subOrdersOf(db, orderId, { after: number - 1, limit: 1 });
  return rows.find((row) => row.number === number);
}

/** Why there is nothing to work on. */
function unfit(
  row: SubOrderRow | undefined,
  { attempt }: WorkerOptions,
): { code: number; message: string } | undefined {
  if (!row) return { code: EXIT.unusable, message: "there is no such sub-order" };
  if (row.attempt !== attempt) return { code: EXIT.unusable, message: "another attempt has taken over" };
  return row.files.pending === 0 ? { code: 0, message: "no file is pending: nothing to do" } : undefined;
}

async function work(options: WorkerOptions, progress: Progress): Promise<number> {
  const { db, orderId, number, logger, now, signal } = options;
  const policy = policyOf(options);
  const reporter = new Reporter<FileResult>({
    everyMs: policy.reportEveryMs,
    most: policy.reportFiles,
    send: (results) => ask(options, () => reportFiles(db, orderId, number, results, { now: now() })),
  });
  const context = contextOf(options);
  progress.start();
  try {
    for (let pass = 0, notReady = new Set<number>(); pass < MOST_PASSES; pass++) {
      const found = await onePass({ ...options, context, reporter, progress, skip: notReady });
      if (signal.aborted) break;
      if (found.taken === 0) break;
      notReady = new Set([...notReady, ...found.notReady]);
    }
  } finally {
    progress.end();
    await reporter.flush();
  }
  logger.info(progress.summary(), signal.aborted ? "sub-order interrupted" : "sub-order worked through");
  if (signal.aborted) return stopped(logger);
  return progress.notReady > 0 ? EXIT.notReady : 0;
}

type Pass = WorkerOptions & {
  readonly context: FetchContext;
  readonly reporter: Reporter<FileResult>;
  readonly progress: Progress;
  /** Files that said in an earlier pass that they are not ready. */
  readonly skip: ReadonlySet<number>;
};

/** Fetches what is pending, a few files at a time; the first failure that is not a file's own stops the others. */
async function onePass(pass: Pass): Promise<{ taken: number; notReady: readonly number[] }> {
  const failure = new AbortController();
  const stop = () => failure.abort(pass.signal.reason);
  pass.signal.addEventListener("abort", stop, { once: true });
  if (pass.signal.aborted) stop();
  const notReady: number[] = [];
  const files = pendingFiles(pass);
  let taken = 0;
  const lane = async () => {
    for (let next = await files.next(); !next.done && !failure.signal.aborted; next = await files.next()) {
      taken++;
      const result = await one(next.value, { ...pass, context: { ...pass.context, signal: failure.signal } });
      if (result?.kind === "notReady") notReady.push(next.value.id);
    }
  };
  const guarded = () =>
    lane().catch((error: unknown) => {
      failure.abort(error);
      throw error;
    });
  const lanes = await Promise.allSettled(Array.from({ length: policyOf(pass).parallel }, guarded));
  pass.signal.removeEventListener("abort", stop);
  if (lanes.some((end) => end.status === "rejected") && !pass.signal.aborted) throw failure.signal.reason;
  await pass.reporter.flush();
  return { taken, notReady };
}

async function* pendingFiles(pass: Pass): AsyncGenerator<WorkFile, void> {
  const { db, orderId, number, skip } = pass;
  for (let after = 0; ; ) {
    const page = await ask(pass, () => takeFiles(db, orderId, number, { after, limit: PAGE }));
    const last = page.at(-1);
    if (!last) return;
    yield* page.filter((file) => !skip.has(file.id));
    after = last.id;
  }
}

/** One file; undefined when the run was stopped meanwhile. */
async function one(file: WorkFile, { context, reporter, progress }: Pass): Promise<FileResult | undefined> {
  progress.begin(file);
  try {
    const result = await fetchFile(file, context);
    progress.finish(file, result);
    await reporter.add(result);
    return result;
  } catch (error) {
    progress.drop(file);
    if (context.signal.aborted) return undefined;
    throw error;
  }
}

function contextOf(options: WorkerOptions): FetchContext {
  const { db, blobs, settings, orderId, now, env = {} } = options;
  return {
    ...options,
    source: options.source ?? openSources(settings, { env, now }),
    touch: together(async (items: readonly { sha256: string; size: number }[]) => {
      await ask(options, () => touchBlobs(db, items, { now: now() }));
      return () => undefined;
    }),
    known: together(async (items: readonly string[]) => {
      const rows = await ask(options, () => findBlobs(db, items, { now: now() }));
      const sizes = new Map(rows.map((row) => [row.sha256, row.size]));
      return (sha256) => sizes.get(sha256);
    }),
    stagingKey: (file) => `order-${orderId}-file-${file.id}`,
    policy: policyOf(options),
    maxFileBytes: settings.max_file_bytes,
    maxSilenceSeconds: settings.max_source_silence_seconds,
    blobs,
  };
}
