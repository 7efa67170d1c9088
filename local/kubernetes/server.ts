/**
 * A Kubernetes API for one machine: the part of it that this project and kubectl use, kept in PostgreSQL, without nodes or controllers.
 * `handle` is for this process and trusts its caller; `listen` is for the network and asks for the token of the kubeconfig.
 */
import type { Logger } from "pino";
import { customResourceDefinitions } from "#crds/definitions.ts";
import { kubernetesApp } from "./app.ts";
import { type Listener, listen } from "./auth/listener.ts";
import { ensureDefinitions, ensureNamespaces } from "./first-objects.ts";
import type { Kube } from "./kube.ts";
import type { PodLogs } from "./logs/pod-logs.ts";
import type { KubeObject } from "./object.ts";
import { CONFIG_MAPS, LEASES, NAMESPACES, SECRETS, SERVICE_ACCOUNTS } from "./resources/core-kinds.ts";
import { DEFINITIONS } from "./resources/definition-kind.ts";
import { followDefinitions } from "./resources/definitions.ts";
import { CORE_EVENTS, EVENTS } from "./resources/event-kinds.ts";
import { JOBS } from "./resources/job-kind.ts";
import { PODS } from "./resources/pod-kind.ts";
import { Registry } from "./resources/registry.ts";
import type { Journal } from "./storage/journal.ts";
import { postgresJournal } from "./storage/postgres-journal.ts";
import { ObjectStore } from "./storage/store.ts";
import { startUpkeep } from "./upkeep/upkeep.ts";
import { ListSnapshots } from "./verbs/snapshots.ts";

const BUILTIN = [
  PODS,
  CORE_EVENTS,
  CONFIG_MAPS,
  SECRETS,
  SERVICE_ACCOUNTS,
  NAMESPACES,
  JOBS,
  EVENTS,
  LEASES,
  DEFINITIONS,
];

/** Where it is kept: a PostgreSQL database (in a schema of its own, `kube`, made where it is missing), or a journal of the caller's. */
export type Kept = { readonly url: string; readonly schema?: string } | { readonly journal: Journal };

export type LocalKubernetesOptions = Kept & {
  /** Namespaces that shall exist, beside `default`. */
  readonly namespaces?: readonly string[];
  /** CustomResourceDefinitions that shall exist as given here; absent: those of this project. */
  readonly definitions?: readonly KubeObject[];
  readonly podLogs?: PodLogs;
  readonly now: () => Date;
  readonly logger: Logger;
  /** Events kept per resource type for watches that fall behind. */
  readonly logCapacity?: number;
};

export type LocalKubernetes = {
  handle(request: Request): Promise<Response>;
  listen(o: { host: string; port: number; folder: string }): Promise<Listener>;
  stop(): Promise<void>;
};

export async function localKubernetes(options: LocalKubernetesOptions): Promise<LocalKubernetes> {
  const { now, logger, logCapacity } = options;
  const journal = "journal" in options ? options.journal : postgresJournal(options.url, options);
  const store = await ObjectStore.open(journal, logCapacity === undefined ? {} : { logCapacity });
  const registry = new Registry(BUILTIN);
  const kube: Kube = { store, registry, snapshots: new ListSnapshots(now), now, logger, podLogs: options.podLogs };
  const definitions = followDefinitions(store, registry, logger);
  await ensureNamespaces(kube, ["default", ...(options.namespaces ?? [])]);
  await ensureDefinitions(kube, options.definitions ?? customResourceDefinitions());
  const upkeep = startUpkeep(kube);
  const app = kubernetesApp(kube);
  const handle = async (request: Request): Promise<Response> => app.handle(request);
  const listeners: Listener[] = [];
  return {
    handle,
    async listen(o) {
      const listener = await listen(handle, { ...o, now });
      listeners.push(listener);
      return listener;
    },
    async stop() {
      await Promise.all(listeners.map((listener) => listener.stop()));
      definitions.stop();
      await upkeep.stop();
      await store.close();
    },
  };
}
