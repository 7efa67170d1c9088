/**
 * One role of a cluster as a program: health port first, then the database (waited for) and its migrations, then the role itself, until it is
 * told to stop or has ended by itself. Any number of processes may start at once: migrations run under a lock, and the rest is shared by design.
 */
import type { Logger } from "pino";
import { databaseAnswers } from "#api/http/health.ts";
import { inClusterTransport, kubeconfigTransport } from "#kube/kubeconfig.ts";
import { backoffMs, pause } from "#kube/pause.ts";
import type { Transport } from "#kube/transport.ts";
import { createLogger } from "#local/logger.ts";
import { aborted, stopSignal } from "#local/signals.ts";
import { connect, type Db, tenantSchema } from "#store/db.ts";
import { migrate } from "#store/migrate.ts";
import { isAway } from "#worker/patience.ts";
import { version } from "../../package.json" with { type: "json" };
import { openTracer } from "../traces/open.ts";
import type { Tracer } from "../traces/otlp.ts";
import { type Environment, readSurroundings, type Surroundings } from "./environment.ts";
import { type Problems, serveHealth } from "./health.ts";
import { countedTransport } from "./metrics/kubernetes.ts";
import { processMetrics } from "./metrics/process.ts";
import { Registry } from "./metrics/registry.ts";

export type RoleContext = {
  readonly surroundings: Surroundings;
  readonly env: Environment;
  readonly db: Db;
  readonly transport: Transport;
  readonly logger: Logger;
  readonly registry: Registry;
  /** Absent: nobody wants traces. */
  readonly tracer: Tracer | undefined;
  readonly now: () => Date;
  readonly random: () => number;
  /** Aborts when the program is told to stop. */
  readonly signal: AbortSignal;
};

/** A role that runs. */
export type Running = {
  /** What the `ready` line adds, e.g. an address. */
  readonly about?: string;
  /** Resolves when it does what it is for. */
  readonly ready: Promise<unknown>;
  /** Settles when it has ended: as it should once the signal has aborted; before that, or with a rejection, by itself. */
  readonly ended: Promise<unknown>;
  /** What only a restart can mend. */
  alive(): Problems;
  /** What of it does not work now, the database left aside. */
  prepared(): Problems;
};

export type Role = {
  readonly name: "api" | "operator" | "amqp";
  /** Connections to the database. */
  readonly connections: number;
  /** A transaction of a process that was frozen must not hold up the others for longer. */
  readonly idleTransactionMs?: number;
  /** Longest time that an orderly stop may take. */
  readonly stopWithinMs: number;
  start(context: RoleContext): Promise<Running>;
};

const STDERR = 2;
const RETRY = { firstMs: 200, longestMs: 5_000 };

/** Runs the role to its end and answers the exit code. */
export async function runRole(role: Role, tenant: string, env: Environment): Promise<number> {
  const surroundings = readSurroundings(tenant, env);
  const { logLevel: level, healthPort } = surroundings;
  const logger = createLogger({ style: "json", level, fd: STDERR }).child({ component: role.name, tenant });
  const signal = stopSignal();
  const registry = new Registry();
  processMetrics(registry, { role: role.name, version });
  const tracer = openTracer(env, { role: role.name, tenant, logger, signal });
  const state: { db?: Db; running?: Running } = {};
  const health = serveHealth(healthPort, {
    alive: () => state.running?.alive() ?? [],
    ready: () => readiness(state, signal),
    metrics: () => registry.text(),
  });
  logger.info({ health: health.url }, "Starting");
  try {
    const transport = countedTransport(registry, await reachCluster(surroundings));
    await prepareDatabase(surroundings, { logger, signal });
    if (signal.aborted) return 0;
    state.db = connect(surroundings.databaseUrl, {
      schema: tenantSchema(tenant),
      max: role.connections,
      application: ["regards-order", role.name, env["ORDER_POD_NAME"] ?? ""].join(" ").trim(),
      ...(role.idleTransactionMs === undefined ? {} : { idleTransactionMs: role.idleTransactionMs }),
    });
    const context = {
      surroundings,
      env,
      db: state.db,
      transport,
      logger,
      registry,
      tracer,
      signal,
      now,
      random: Math.random,
    };
    state.running = await role.start(context);
    return await untilTheEnd(role, state.running, { logger, signal });
  } finally {
    await state.db?.end({ timeout: 1 });
    if (signal.aborted) await tracer?.flush();
    await health.stop();
  }
}

function now(): Date {
  return new Date();
}

async function reachCluster({ kubeconfig, namespace }: Surroundings): Promise<Transport> {
  if (kubeconfig) return await kubeconfigTransport({ path: kubeconfig, namespace });
  return { ...(await inClusterTransport()), namespace };
}

/** Brings the schema up to date; a database that is away is waited for until the program is told to stop. */
export async function prepareDatabase(
  { databaseUrl, tenant }: Pick<Surroundings, "databaseUrl" | "tenant">,
  { logger, signal }: { readonly logger: Logger; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      const migrating = migrate(databaseUrl, { schema: tenantSchema(tenant) });
      // One that takes connections and says nothing must not keep the program from ending.
      migrating.catch(() => {});
      await Promise.race([migrating, aborted(signal)]);
      if (signal.aborted) break;
      const applied = await migrating;
      if (applied.length > 0) logger.info({ applied }, "Database was migrated");
      return applied;
    } catch (error) {
      if (!isAway(error)) throw error;
      logger.warn({ failures, err: error }, "Database is away and waited for");
      await pause(backoffMs(failures, { ...RETRY, random: Math.random }), signal).catch(() => {});
    }
  }
  return [];
}

async function readiness({ db, running }: { db?: Db; running?: Running }, signal: AbortSignal): Promise<Problems> {
  if (signal.aborted) return ["It is stopping"];
  if (!db || !running) return ["It is starting: the database is waited for or migrated"];
  const database = (await databaseAnswers(db)) ? [] : ["The database does not answer"];
  return [...database, ...running.prepared()];
}

async function untilTheEnd(
  role: Role,
  running: Running,
  { logger, signal }: { readonly logger: Logger; readonly signal: AbortSignal },
): Promise<number> {
  const ended = running.ended.then(
    () => undefined,
    (error: unknown) => ({ error }),
  );
  const first = await Promise.race([running.ready.then(() => "ready"), ended, aborted(signal)]);
  if (first === "ready") {
    process.stdout.write(`ready${running.about ? ` ${running.about}` : ""}\n`);
    logger.info("Ready");
    await Promise.race([ended, aborted(signal)]);
  }
  if (!signal.aborted) {
    logger.error({ err: (await ended)?.error }, "Ended by itself");
    return 1;
  }
  logger.info("Stopping (a second signal stops at once)");
  const late = pause(role.stopWithinMs).then(() => ({ error: new Error("Stopping takes too long") }));
  const end = await Promise.race([ended, late]);
  if (end) logger.error({ err: end.error }, "Did not stop in order");
  else logger.info("Stopped");
  return end ? 1 : 0;
}
