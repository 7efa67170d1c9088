/**
 * The Kubernetes of one machine: the API server, and the programs that a cluster has besides it (Jobs become processes, owners take
 * their dependents with them). The operator and the API get a transport into this process; kubectl gets TLS and a kubeconfig.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import { handlerTransport, type Transport } from "#kube/transport.ts";
import type { LocalConfig } from "./config.ts";
import { type JobRunner, startJobRunner } from "./jobs/runner.ts";
import type { PodLogs } from "./kubernetes/logs/pod-logs.ts";
import { localKubernetes } from "./kubernetes/server.ts";

export type Cluster = {
  readonly transport: Transport;
  /** Address for kubectl. */
  readonly url: string;
  /** Stops the worker processes and starts no more. */
  stopJobs(): Promise<void>;
  stop(): Promise<void>;
};

export type ClusterOptions = {
  readonly databaseUrl: string;
  /** Variables for the workers. */
  readonly workerEnv: Readonly<Record<string, string>>;
  readonly logger: Logger;
  readonly now: () => Date;
};

const LOOPBACK = "127.0.0.1";
/** Workers wait for networks and disks more than for cores. */
const LEAST_SLOTS = 4;

export async function startCluster(config: LocalConfig, o: ClusterOptions): Promise<Cluster> {
  const logger = o.logger.child({ component: "kubernetes" });
  const stop = new AbortController();
  let runner: JobRunner | undefined;
  // The server is asked for logs only by requests, and the runner, who has them, needs the server first.
  const podLogs: PodLogs = {
    open: (...request) => runner?.logs.open(...request) ?? Promise.reject(new Error("No pod was ever run here")),
  };
  const kubernetes = await localKubernetes({
    url: o.databaseUrl,
    namespaces: [config.namespace],
    podLogs,
    now: o.now,
    logger,
  });
  try {
    const transport = handlerTransport(kubernetes.handle, { namespace: config.namespace });
    const folder = join(config.home, "kubernetes");
    const listener = await kubernetes.listen({ host: LOOPBACK, port: config.kubePort, folder });
    await listener.writeKubeconfig(config.kubeconfig, { namespace: config.namespace });
    const jobs = startJobRunner({
      transport,
      logger: o.logger.child({ component: "jobs" }),
      now: o.now,
      random: Math.random,
      folder: join(config.home, "jobs"),
      env: o.workerEnv,
      slots: Math.max(LEAST_SLOTS, availableParallelism()),
      signal: stop.signal,
    });
    runner = jobs;
    await jobs.ready;
    const stopJobs = () => {
      stop.abort();
      return jobs.stopped;
    };
    return { transport, url: listener.url, stopJobs, stop: () => kubernetes.stop() };
  } catch (error) {
    stop.abort();
    await kubernetes.stop();
    throw error;
  }
}
