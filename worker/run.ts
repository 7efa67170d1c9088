/**
 * The work of one Job without a process: every pending file of one sub-order, fetched a few at a time and reported in batches.
 * The inputs of a process are fetched the same way, into rows of their own.
 */
import { EXIT } from "#crds/names.ts";
import type { SourceSettings } from "#sources/guard/rules.ts";
import { openSources } from "#sources/open.ts";
import type { Source } from "#sources/source.ts";
import { findBlobs } from "#store/blob-rows.ts";
import { type Fetched, type FileResult, reportFiles, takeFiles, type WorkFile } from "#store/files.ts";
import { type AttemptOptions, ask, attempt, policyOf, stopped } from "./attempt.ts";
import { together } from "./fetch/batch.ts";
import { type FetchContext, fetchFile } from "./fetch/file.ts";
import { Reporter } from "./fetch/reporter.ts";
import { Progress } from "./progress.ts";
import { toucher } from "./touch.ts";

export type WorkerSettings = SourceSettings & { readonly max_source_silence_seconds: number };

export type WorkerOptions = AttemptOptions & {
  readonly settings: WorkerSettings;
  /** ORDER_SOURCE_S3_*: where `s3:` files lie. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Instead of the sources that the settings give. */
  readonly source?: Source;
};

const PAGE = 500;
/** A blob collected between its fetch and its report leaves the file pending: such files get another pass in the same run. */
const MOST_PASSES = 3;

/** Works through the sub-order and answers the exit code. */
export function runWorker(options: WorkerOptions): Promise<number> {
  return attempt(options, async (row) => {
    if (row.process === undefined) return await fetchPending(options, { of: "order_files", files: row.files.pending });
    options.logger.fatal("the sub-order is a run of a process: --stage must say which part of it to do");
    return EXIT.unusable;
  });
}

/** Fetches what is pending of the sub-order's files or of its inputs, `files` in number. Answers 0 once none is left, or the code for why not. */
export function fetchPending(
  options: WorkerOptions,
  { of, files }: { readonly of: Fetched; readonly files: number },
): Promise<number> {
  return work({ ...options, of }, new Progress({ ...options, files, policy: policyOf(options) }));
}

type Work = WorkerOptions & { readonly of: Fetched };

async function work(options: Work, progress: Progress): Promise<number> {
  const { db, orderId, number, of, logger, now, signal } = options;
  const policy = policyOf(options);
  const reporter = new Reporter<FileResult>({
    everyMs: policy.reportEveryMs,
    most: policy.reportFiles,
    send: (results) => ask(options, () => reportFiles(db, orderId, number, results, { of, now: now() })),
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

type Pass = Work & {
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
  const { db, orderId, number, of, skip } = pass;
  for (let after = 0; ; ) {
    const page = await ask(pass, () => takeFiles(db, orderId, number, { of, after, limit: PAGE }));
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

function contextOf(options: Work): FetchContext {
  const { db, blobs, settings, orderId, of, now, env = {} } = options;
  return {
    ...options,
    source: options.source ?? openSources(settings, { env, now }),
    touch: toucher(options),
    known: together(async (items: readonly string[]) => {
      const rows = await ask(options, () => findBlobs(db, items, { now: now() }));
      const sizes = new Map(rows.map((row) => [row.sha256, row.size]));
      return (sha256) => sizes.get(sha256);
    }),
    stagingKey: (file) => `order-${orderId}-${of === "order_files" ? "file" : "input"}-${file.id}`,
    policy: policyOf(options),
    maxFileBytes: settings.max_file_bytes,
    maxSilenceSeconds: settings.max_source_silence_seconds,
    blobs,
  };
}
