/**
 * The worker as a program: environment and arguments in, exit code out, JSON lines on stdout (what `kubectl logs job/…` shows).
 * SIGTERM (the pod is deleted) and, where asked for, the end of stdin (the parent is gone) stop it in an orderly way.
 */
import { parseArgs } from "node:util";
import { type Logger, pino } from "pino";
import { EXIT } from "#crds/names.ts";
import { openBlobStore } from "#store/blobs/open.ts";
import { connect, type Db, tenantSchema } from "#store/db.ts";
import { readSettings } from "#store/settings.ts";
import { RETRY_EXIT } from "./attempt.ts";
import { DEFAULT_POLICY } from "./fetch/policy.ts";
import { DatabaseAway, patiently } from "./patience.ts";
import { runFetchStage } from "./process/fetch-stage.ts";
import { runPublishStage } from "./process/publish-stage.ts";
import { runWorker, type WorkerOptions } from "./run.ts";

type Env = Readonly<Record<string, string | undefined>>;
type Task = { readonly orderId: number; readonly number: number; readonly attempt: number };

/** More than this many connections would only wait for each other: reports and touches are batched. */
const CONNECTIONS = 4;

/** A part of a process's run, and the folder that it works in. */
type Stage = { readonly name: "fetch" | "publish"; readonly work: string };

/**
 * Runs the worker by its arguments (`--order`, `--sub-order`, `--attempt`, `--exit-with-parent`, with a process `--stage fetch|publish` and
 * `--work FOLDER`) and answers the exit code.
 */
export async function workerMain(argv: readonly string[], env: Env): Promise<number> {
  const logger = pino(
    { level: env["ORDER_LOG_LEVEL"] ?? "info", base: {}, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ dest: 1, sync: true }),
  );
  const configuration = configure(argv, env);
  if ("problem" in configuration) {
    logger.fatal(configuration.problem);
    return EXIT.unusable;
  }
  const stop = new AbortController();
  const release = stopOn(stop, { logger, parent: configuration.withParent });
  const db = connect(configuration.databaseUrl, {
    schema: configuration.schema,
    max: CONNECTIONS,
    application: `regards-order worker ${configuration.task.orderId}/${configuration.task.number}`,
  });
  try {
    return await run(configuration, { db, env, logger, signal: stop.signal });
  } catch (error) {
    return failure(error, logger);
  } finally {
    release();
    await db.end({ timeout: 2 }).catch(() => {});
  }
}

type Configuration = {
  readonly task: Task;
  readonly stage?: Stage;
  readonly databaseUrl: string;
  readonly schema: string;
  readonly blobsUrl: string;
  readonly withParent: boolean;
};

/** What the arguments and the environment say, or what is wrong with them: no later try can mend that. */
function configure(argv: readonly string[], env: Env): Configuration | { readonly problem: string } {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: {
        order: { type: "string" },
        "sub-order": { type: "string" },
        attempt: { type: "string" },
        stage: { type: "string" },
        work: { type: "string" },
        "exit-with-parent": { type: "boolean" },
      },
    });
    const stage = stageOf(values);
    return {
      ...(stage ? { stage } : {}),
      task: {
        orderId: positive("--order", values.order),
        number: positive("--sub-order", values["sub-order"]),
        attempt: positive("--attempt", values.attempt),
      },
      databaseUrl: needed(env, "ORDER_DATABASE_URL"),
      schema: tenantSchema(env["ORDER_TENANT"] ?? "default"),
      blobsUrl: needed(env, "ORDER_BLOBS_URL"),
      withParent: values["exit-with-parent"] === true || env["ORDER_EXIT_WITH_PARENT"] === "1",
    };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  }
}

function stageOf({ stage, work }: { stage?: string | undefined; work?: string | undefined }): Stage | undefined {
  if (stage === undefined && work === undefined) return undefined;
  if (stage !== "fetch" && stage !== "publish") {
    throw new Error(`Cannot start worker: --stage must be 'fetch' or 'publish', got '${stage ?? ""}'`);
  }
  if (!work) throw new Error("Cannot start worker: --stage needs --work, the folder of the run");
  return { name: stage, work };
}

function positive(name: string, value: string | undefined): number {
  if (value !== undefined && /^[1-9][0-9]{0,14}$/.test(value)) return Number(value);
  throw new Error(`Cannot start worker: ${name} must be a positive whole number, got '${value ?? ""}'`);
}

function needed(env: Env, name: string): string {
  const value = env[name];
  if (value) return value;
  throw new Error(`Cannot start worker: ${name} is not set`);
}

async function run(
  { task, stage, blobsUrl }: Configuration,
  given: { db: Db; env: Env; logger: Logger; signal: AbortSignal },
): Promise<number> {
  const { orderId: order, number: subOrder, attempt } = task;
  const o = { ...given, logger: given.logger.child({ order, subOrder, attempt }) };
  const now = () => new Date();
  const random = Math.random;
  const patience = { patienceMs: DEFAULT_POLICY.databasePatienceMs, now, random, logger: o.logger };
  const settings = await patiently(() => readSettings(o.db), patience, o.signal);
  const blobs = await openBlobStore(blobsUrl, { ...o.env });
  return await perform({ ...o, ...task, blobs, settings, now, random }, stage);
}

function perform(options: WorkerOptions, stage: Stage | undefined): Promise<number> {
  if (stage === undefined) return runWorker(options);
  const run = stage.name === "fetch" ? runFetchStage : runPublishStage;
  return run({ ...options, work: stage.work });
}

/** The exit code for what no part of the worker foresaw: not one of ours, so that the Job tries again. */
function failure(error: unknown, logger: Logger): number {
  if (error instanceof DatabaseAway) {
    logger.error({ err: error }, "database is away, giving up: the Job tries again");
    return RETRY_EXIT.databaseAway;
  }
  logger.fatal({ err: error }, "worker failed");
  return 1;
}

/** Aborts on SIGTERM and SIGINT, and when the parent's end of stdin closes; a second signal ends the process at once. */
function stopOn(stop: AbortController, { logger, parent }: { logger: Logger; parent: boolean }): () => void {
  const onSignal = (name: NodeJS.Signals) => {
    if (stop.signal.aborted) process.exit(EXIT.stopped);
    logger.info({ signal: name }, "told to stop");
    stop.abort();
  };
  const onEnd = () => {
    if (stop.signal.aborted) return;
    logger.info("the parent process has ended: stopping");
    stop.abort();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  if (parent) {
    process.stdin.on("end", onEnd).on("close", onEnd).on("error", onEnd);
    process.stdin.resume();
  }
  return () => {
    process.off("SIGTERM", onSignal);
    process.off("SIGINT", onSignal);
    if (parent) process.stdin.off("end", onEnd).off("close", onEnd).off("error", onEnd).destroy();
  };
}
