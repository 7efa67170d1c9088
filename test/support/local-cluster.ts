/** A local Kubernetes in memory of its own database with what runs its Jobs, for one test file; both can be stopped and started again. */
import { pino } from "pino";
import { JOBS, type Job, NAMESPACES, PODS, type Pod } from "#kube/kinds.ts";
import { type ResourceApi, resourceApi } from "#kube/resource.ts";
import { handlerTransport, type Transport } from "#kube/transport.ts";
import { type JobRunner, type JobRunnerOptions, startJobRunner } from "#local/jobs/runner.ts";
import { type LocalKubernetes, localKubernetes } from "#local/kubernetes/server.ts";
import { testDatabase } from "./database.ts";
import { temporaryFolder } from "./folder.ts";

export type LocalCluster = {
  readonly transport: Transport;
  readonly server: LocalKubernetes;
  readonly jobs: ResourceApi<Job>;
  readonly pods: ResourceApi<Pod>;
  readonly folder: string;
  readonly databaseUrl: string;
  runner(): JobRunner;
  /** Ends the runner in an orderly way. */
  stopRunner(): Promise<void>;
  startRunner(options?: Partial<JobRunnerOptions>): Promise<void>;
  close(): Promise<void>;
};

export const NAMESPACE = "jobs-test";

export async function localCluster(label: string, options: Partial<JobRunnerOptions> = {}): Promise<LocalCluster> {
  const database = await testDatabase(label);
  const folder = temporaryFolder(label);
  const logger = pino({ level: process.env["TEST_LOG_LEVEL"] ?? "silent" });
  const now = () => new Date();
  let runner: JobRunner | undefined;
  let stop = new AbortController();
  const server = await localKubernetes({
    url: database.url,
    now,
    logger,
    podLogs: { open: (...args) => current().logs.open(...args) },
  });
  const transport = handlerTransport(server.handle, { namespace: NAMESPACE });
  await resourceApi(transport, NAMESPACES).create({ metadata: { name: NAMESPACE } });
  const current = () => {
    if (!runner) throw new Error("Cannot use Job runner: it is not started");
    return runner;
  };
  const stopRunner = async () => {
    stop.abort();
    await runner?.stopped;
  };
  const startRunner = async (more: Partial<JobRunnerOptions> = {}) => {
    stop = new AbortController();
    const given = { transport, logger, now, random: Math.random, folder: folder.path, env: {}, signal: stop.signal };
    runner = startJobRunner({ ...given, slots: 4, backoff: { baseMs: 20, maxMs: 100 }, ...options, ...more });
    await runner.ready;
  };
  await startRunner();
  return {
    transport,
    server,
    jobs: resourceApi(transport, JOBS),
    pods: resourceApi(transport, PODS),
    folder: folder.path,
    databaseUrl: database.url,
    runner: current,
    stopRunner,
    startRunner,
    close: async () => {
      await stopRunner();
      await server.stop();
      await database.drop();
      folder.remove();
    },
  };
}
