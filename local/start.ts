/**
 * The whole service on one machine, in one process plus worker processes: PostgreSQL, the local Kubernetes, the program that runs
 * its Jobs, the operator, the API. Each part may die at any moment without loss; stopping them in order only saves them work.
 */
import { mkdirSync } from "node:fs";
import type { Logger } from "pino";
import { deliveryPlace } from "#api/amqp/delivery/place.ts";
import { startAmqp } from "#api/amqp/start.ts";
import { createApi } from "#api/app.ts";
import { fileUrl } from "#api/files/handlers.ts";
import { serveApi } from "#api/http/serve.ts";
import { startNotifier } from "#api/notify/start.ts";
import { type Catalogue, postgresCatalogue } from "#catalog/catalogue.ts";

import type { Transport } from "#kube/transport.ts";
import { startOperator } from "#operator/start.ts";
import type { BlobStore } from "#store/blobs/blob-store.ts";
import { openBlobStore } from "#store/blobs/open.ts";
import { version } from "../package.json" with { type: "json" };
import { startCluster } from "./cluster.ts";
import { type LocalConfig, workerEnvironment } from "./config.ts";
import { type Database, openDatabase } from "./database.ts";
import { freePort } from "./free-port.ts";
import { lockHome, tellHolder } from "./home-lock.ts";
import { localJobs } from "./job-config.ts";
import { keptSecret } from "./secret.ts";
import { type Part, type Stage, stopParts } from "./shutdown.ts";

export type Service = {
  readonly url: string;
  readonly databaseUrl: string;
  /** Settles with the reason when a part without which nothing works has ended by itself. */
  readonly broken: Promise<string>;
  /** Stops everything in order, within 10 s. */
  stop(): Promise<void>;
};

export type StartOptions = {
  readonly logger: Logger;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted while it starts: what was started is stopped, and `startLocal` rejects. */
  readonly signal: AbortSignal;
};

/** What every part gets. */
type Context = StartOptions & {
  readonly config: LocalConfig;
  /** What is to stop, in the order of stopping. */
  readonly parts: Stage[];
  readonly broken: (reason: string) => void;
  readonly now: () => Date;
};

/** Most time that each part may take to stop, 10 s in all. */
const STOP_MS = {
  doors: 1250,
  jobs: 2250,
  operator: 2000,
  cluster: 500,
  database: 1000,
  server: 3000,
} as const;

/** Starts everything; resolves when orders can be made. */
export async function startLocal(config: LocalConfig, options: StartOptions): Promise<Service> {
  const { promise: broken, resolve } = Promise.withResolvers<string>();
  const context: Context = { ...options, config, parts: [], broken: resolve, now: () => new Date() };
  const stop = async () => {
    await stopParts(context.parts.splice(0), options.logger);
  };
  try {
    const { url, databaseUrl } = await startParts(context);
    return { url, databaseUrl, broken, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The part is stopped before all that were started before it. */
function onStop(context: Context, name: string, part: { withinMs: number; stop: () => Promise<unknown> }): void {
  context.parts.unshift([{ name, ...part }]);
}

async function startParts(context: Context): Promise<{ url: string; databaseUrl: string }> {
  const { config, logger, signal } = context;
  holdHome(context);
  const database = await openDatabase(config);
  onStop(context, "PostgreSQL", { withinMs: STOP_MS.server, stop: database.stop });
  onStop(context, "database connections", { withinMs: STOP_MS.database, stop: database.disconnect });
  void database.exited?.then(() => context.broken("PostgreSQL has ended by itself"));
  signal.throwIfAborted();
  const blobs = await openBlobStore(config.blobsUrl, { ...context.env, ORDER_HOME: config.home });
  const cluster = await startCluster(config, {
    databaseUrl: database.url,
    workerEnv: workerEnvironment(config, { databaseUrl: database.url, env: context.env }),
    logger,
    now: context.now,
  });
  onStop(context, "Kubernetes", { withinMs: STOP_MS.cluster, stop: cluster.stop });
  signal.throwIfAborted();
  const catalogue = postgresCatalogue(database.db);
  const shared = { database, blobs, catalogue, transport: cluster.transport };
  const url = await listenFor(context);
  await runOperator(context, shared, url);
  // Stopped in this order: no more Jobs are wanted by people, then the workers, only then who looks after them.
  onStop(context, "Jobs", { withinMs: STOP_MS.jobs, stop: cluster.stopJobs });
  // None of the doors to the outside needs another, and each may have work in its hands: they stop together.
  const doors: Part[] = [];
  context.parts.unshift(doors);
  doors.push(await runApi(context, shared, url));
  doors.push(...runAmqp(context, shared, url), runNotifier(context, shared, url));
  tellHolder(config.home, { pid: process.pid, command: "start", url: url.own });
  return { url: url.own, databaseUrl: database.url };
}

type Shared = {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly catalogue: Catalogue;
  readonly transport: Transport;
};

function holdHome(context: Context): void {
  const { home } = context.config;
  mkdirSync(home, { recursive: true, mode: 0o711 });
  const lock = lockHome(home, "start");
  if ("heldBy" in lock) {
    const { pid, command, url } = lock.heldBy ?? {};
    const who = `${command ?? "another program"} (process ${pid ?? "unknown"}${url ? `, ${url}` : ""})`;
    throw new Error(`Cannot start: ${who} is using '${home}'`);
  }
  onStop(context, "home", { withinMs: STOP_MS.database, stop: async () => lock.release() });
}

/** Address of the REST API: known before it listens, because links start with it. */
async function listenFor({ config }: Context): Promise<{ port: number; own: string; public: string }> {
  const port = config.port === 0 ? await freePort(config.host, 0) : config.port;
  const everywhere = config.host === "0.0.0.0" || config.host === "::";
  const host = everywhere ? "127.0.0.1" : config.host;
  const own = `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return { port, own, public: config.publicUrl ?? own };
}

async function runOperator(context: Context, shared: Shared, url: { public: string }): Promise<void> {
  const { config, logger } = context;
  const stop = new AbortController();
  const operator = startOperator({
    db: shared.database.db,
    transport: shared.transport,
    catalogue: shared.catalogue,
    blobs: shared.blobs,
    config: { namespace: config.namespace, job: localJobs(), publicUrl: url.public, prefix: config.prefix },
    now: context.now,
    random: Math.random,
    logger: logger.child({ component: "operator" }),
    signal: stop.signal,
  });
  operator.stopped.catch((error: unknown) => {
    logger.error({ err: error }, "The operator has ended");
    context.broken("the operator has ended by itself");
  });
  onStop(context, "operator", {
    withinMs: STOP_MS.operator,
    stop: () => {
      stop.abort();
      return operator.stopped;
    },
  });
  await operator.ready;
}

async function runApi(context: Context, shared: Shared, url: { port: number; public: string }): Promise<Part> {
  const { config, logger, now } = context;
  const stopping = new AbortController();
  const app = createApi({
    stopping: stopping.signal,
    db: shared.database.db,
    transport: shared.transport,
    catalogue: shared.catalogue,
    blobs: shared.blobs,
    config: {
      tenant: config.tenant,
      publicUrl: url.public,
      prefix: config.prefix,
      jwtSecret: secretOf(config),
      issuers: config.issuers,
      version,
    },
    now,
    logger: logger.child({ component: "api" }),
    env: context.env,
  });
  const server = await serveApi(app, { host: config.host, port: url.port });
  return {
    name: "API",
    withinMs: STOP_MS.doors,
    stop: () => {
      stopping.abort();
      return server.stop({ withinMs: STOP_MS.doors - 100 });
    },
  };
}

function secretOf({ jwtSecret, home }: LocalConfig): string {
  return jwtSecret ?? keptSecret(home, "jwt-secret");
}

function runNotifier(context: Context, shared: Shared, url: { public: string }): Part {
  const { config, now } = context;
  const stop = new AbortController();
  const notifier = startNotifier({
    db: shared.database.db,
    config: {
      tenant: config.tenant,
      publicUrl: url.public,
      prefix: config.prefix,
      jwtSecret: secretOf(config),
    },
    ...(config.mail && { mail: config.mail }),
    now,
    random: Math.random,
    logger: context.logger.child({ component: "notifier" }),
    signal: stop.signal,
  });
  return {
    name: "notifier",
    withinMs: STOP_MS.doors,
    stop: () => {
      stop.abort();
      return notifier.stopped;
    },
  };
}

/** Only where a broker is named. It may come and go: the service is there without it. */
function runAmqp(context: Context, shared: Shared, links: { readonly public: string }): readonly Part[] {
  const url = context.env["ORDER_AMQP_URL"];
  if (!url) return [];
  const stop = new AbortController();
  const logger = context.logger.child({ component: "amqp" });
  const place = deliveryPlace(context.env, context.now);
  const base = `${links.public}${context.config.prefix}`;
  const delivery = place && { blobs: shared.blobs, place, fileUrl: (id: number) => fileUrl(base, id) };
  const amqp = startAmqp({
    db: shared.database.db,
    transport: shared.transport,
    catalogue: shared.catalogue,
    url,
    tenant: context.config.tenant,
    now: context.now,
    random: Math.random,
    logger,
    signal: stop.signal,
    ...(delivery && { delivery }),
  });
  amqp.ready.catch((error: unknown) => logger.error({ err: error }, "Requests cannot be taken over AMQP"));
  const stopAmqp = () => {
    stop.abort();
    return amqp.stopped;
  };
  return [{ name: "AMQP", withinMs: STOP_MS.doors, stop: stopAmqp }];
}
