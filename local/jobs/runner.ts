/**
 * What makes Jobs run on one machine: Job controller, pod runner and garbage collector for every namespace of the API server, as ordinary
 * clients of it. Requests, limits and images are not looked at: a pod is its command, run as a local process group; of volumes it gets `emptyDir`.
 * Nothing is kept here that a restart needs: what was running is found by what the API and the pods' folders say.
 */
import { readdir, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import { CONTAINER, LABELS, MANAGER } from "#crds/names.ts";
import type { Change } from "#kube/cache.ts";
import { NAMESPACES, type Namespace, type Pod } from "#kube/kinds.ts";
import { reflector } from "#kube/reflector.ts";
import { resourceApi } from "#kube/resource.ts";
import type { Transport } from "#kube/transport.ts";
import type { PodLogs } from "../kubernetes/logs/pod-logs.ts";
import { type PodBackoff, UPSTREAM_BACKOFF } from "./job/plan.ts";
import { NamespaceScope } from "./namespace-scope.ts";
import { inherited } from "./pod/environment.ts";
import { filePodLogs } from "./pod/logs.ts";
import { stopRecorded } from "./pod/process.ts";
import { Slots } from "./pod/slots.ts";

export type JobRunnerOptions = {
  readonly transport: Transport;
  readonly logger: Logger;
  readonly now: () => Date;
  readonly random: () => number;
  /** Kept for the pods' logs and process records; of this runner alone. */
  readonly folder: string;
  /** Variables for the pods of this project (label managed-by) beside their own. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Pods that run at the same time; absent: as many as the machine has cores, at least two. */
  readonly slots?: number;
  readonly backoff?: PodBackoff;
  readonly signal: AbortSignal;
};

export type JobRunner = {
  /** Every namespace that was there is being looked after. */
  readonly ready: Promise<void>;
  /** Settles after the signal: all processes have ended and their pods say so. The API must live until then. */
  readonly stopped: Promise<void>;
  readonly logs: PodLogs;
};

const ORPHAN_GRACE_MS = 5_000;

/** Starts it; it ends by the signal. */
export function startJobRunner(options: JobRunnerOptions): JobRunner {
  const { now, random, logger } = options;
  const scopes = new Map<string, NamespaceScope>();
  const slots = new Slots(options.slots ?? Math.max(2, availableParallelism()));
  const folder = join(options.folder, "pods");

  const open = (name: string) => {
    const scope = new NamespaceScope({
      ...options,
      namespace: name,
      folder,
      slots,
      backoff: options.backoff ?? UPSTREAM_BACKOFF,
      environmentOf: (pod, container) => environmentOf(pod, container, options.env),
    });
    scopes.set(name, scope);
    scope
      .run(options.signal)
      .catch((error: unknown) => logger.error({ err: error, namespace: name }, "cannot run Jobs"));
  };
  /** A namespace that is on its way out is looked after to its end: its pods must still be stopped. */
  const see = (change: Change<Namespace>) => {
    if (change.kind === "added") open(change.name);
    if (change.kind !== "deleted") return;
    void scopes.get(change.name)?.stop();
    scopes.delete(change.name);
  };

  const namespaces = reflector(resourceApi(options.transport, NAMESPACES), { now, random, logger, onChange: see });
  const following = namespaces.run(options.signal);
  const becomeReady = async () => {
    await namespaces.synced(options.signal);
    await Promise.all([...scopes.values()].map((scope) => scope.synced(options.signal)));
    await clearStrangers(folder, () => [...scopes.values()].flatMap((scope) => scope.pods()));
  };
  const stopped = async () => {
    await following;
    await Promise.all([...scopes.values()].map((scope) => scope.stop()));
  };
  const ready = becomeReady();
  // A stop before it was ready is nobody's failure.
  ready.catch(() => {});
  return {
    ready,
    stopped: stopped(),
    logs: filePodLogs((namespace, pod) => scopes.get(namespace)?.logPlace(pod)),
  };
}

/** Our own programs get what `start` knows; others, and those of a Process, get nothing but the means to find programs. */
function environmentOf(pod: Pod, container: string, ours: JobRunnerOptions["env"]): Readonly<Record<string, string>> {
  const base = inherited(process.env);
  if (pod.metadata.labels?.[LABELS.managedBy] !== MANAGER || container === CONTAINER.process) return base;
  const given = Object.entries(ours).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  return { ...base, ...Object.fromEntries(given), ORDER_EXIT_WITH_PARENT: "1" };
}

/** Stops and removes what is left of pods that the API no longer knows: they were deleted while nobody ran here. */
async function clearStrangers(folder: string, pods: () => readonly Pod[]): Promise<void> {
  const folders = await readdir(folder).catch(() => []);
  // Asked after the folders were read: the pod of a folder made a moment ago is known by now.
  const known = new Set(pods().map((pod) => pod.metadata.uid));
  const left = folders.filter((uid) => !known.has(uid));
  await Promise.all(
    left.map(async (uid) => {
      const own = join(folder, uid);
      const records = (await readdir(own).catch(() => [])).filter((name) => name.endsWith(".process.json"));
      await Promise.all(records.map((name) => stopRecorded(join(own, name), ORPHAN_GRACE_MS)));
      await rm(own, { recursive: true, force: true });
    }),
  );
}
