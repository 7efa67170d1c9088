/** Everything that looks after one namespace: views of its Jobs and pods, the Job controller, the pod runner, the garbage collector. */
import { join } from "node:path";
import type { Logger } from "pino";
import { eventRecorder } from "#kube/events.ts";
import { JOBS, type Job, PODS, type Pod } from "#kube/kinds.ts";
import { WorkQueue } from "#kube/queue.ts";
import { type Reflector, reflector } from "#kube/reflector.ts";
import { type KubeObject, type ResourceType, resourceApi } from "#kube/resource.ts";
import type { Transport } from "#kube/transport.ts";
import { Collector } from "./garbage/collector.ts";
import { JOB_INDEX, jobController, jobKeysOf, jobNameOf } from "./job/controller.ts";
import type { PodBackoff } from "./job/plan.ts";
import { hasEnded } from "./job/pods.ts";
import type { Lookup } from "./pod/environment.ts";
import type { LogPlace } from "./pod/logs.ts";
import { PodRunner } from "./pod/runner.ts";
import type { Slots } from "./pod/slots.ts";

export type NamespaceScopeOptions = {
  readonly transport: Transport;
  readonly namespace: string;
  readonly folder: string;
  readonly slots: Slots;
  readonly backoff: PodBackoff;
  readonly environmentOf: (pod: Pod, container: string) => Readonly<Record<string, string>>;
  readonly now: () => Date;
  readonly random: () => number;
  readonly logger: Logger;
};

/** Delay of a Job's or an object's retry after a failed pass. */
const RETRY = { firstMs: 20, longestMs: 10_000 };

export class NamespaceScope {
  readonly #options: NamespaceScopeOptions;
  readonly #jobs: Reflector<Job>;
  readonly #pods: Reflector<Pod>;
  readonly #queue: WorkQueue;
  readonly #garbage: WorkQueue;
  readonly #runner: PodRunner;
  readonly #stop = new AbortController();
  #running: Promise<unknown> | undefined;

  constructor(options: NamespaceScopeOptions) {
    const { transport, namespace, random, now, logger } = options;
    this.#options = options;
    this.#queue = new WorkQueue({ random, backoff: RETRY });
    this.#garbage = new WorkQueue({ random, backoff: RETRY });
    const jobs = resourceApi(transport, JOBS, { namespace });
    const pods = resourceApi(transport, PODS, { namespace });
    this.#jobs = reflector(jobs, { now, random, logger, onChange: ({ name }) => this.#queue.add(name) });
    this.#pods = reflector(pods, {
      now,
      random,
      logger,
      indexes: { [JOB_INDEX]: jobKeysOf },
      onChange: (change) => {
        const owner = jobNameOf(change.now ?? change.before);
        if (owner !== undefined) this.#queue.add(owner);
        this.#runner.see(change);
      },
    });
    this.#runner = new PodRunner({ ...options, pods, cache: this.#pods.cache, lookup: lookup(options) });
  }

  /** Runs until the signal aborts or `stop`. The views go on while the pods end, so that their end is still counted. */
  async run(signal: AbortSignal): Promise<void> {
    const { transport, namespace, now, logger } = this.#options;
    const stop = AbortSignal.any([signal, this.#stop.signal]);
    const drained = new AbortController();
    const events = eventRecorder(transport, { component: "job-controller", now, logger });
    const work = jobController({
      ...this.#options,
      events,
      jobs: resourceApi(transport, JOBS, { namespace }),
      pods: resourceApi(transport, PODS, { namespace }),
      jobCache: this.#jobs.cache,
      podCache: this.#pods.cache,
      queue: this.#queue,
    });
    const collector = new Collector({ ...this.#options, queue: this.#garbage });
    const loops = [this.#jobs.run(drained.signal), this.#pods.run(drained.signal)];
    this.#running = (async () => {
      await Promise.all([this.#jobs.synced(stop), this.#pods.synced(stop)]).catch(() => {});
      await Promise.all([stop.aborted ? undefined : work.run(stop), collector.run(stop), this.#closeOn(stop)]);
      drained.abort();
      this.#queue.close();
      this.#garbage.close();
      await Promise.all(loops);
    })();
    await this.#running;
  }

  async #closeOn(signal: AbortSignal): Promise<void> {
    if (!signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
    }
    await this.#runner.close();
  }

  synced(signal: AbortSignal): Promise<unknown> {
    return Promise.all([this.#jobs.synced(signal), this.#pods.synced(signal)]);
  }

  /** Ends everything and waits for it. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  pods(): readonly Pod[] {
    return this.#pods.cache.list();
  }

  /** Where the output of a pod lies. */
  logPlace(name: string): LogPlace | undefined {
    const pod = this.#pods.cache.get(name);
    const uid = pod?.metadata.uid;
    if (!pod || uid === undefined) return undefined;
    return {
      folder: join(this.#options.folder, uid),
      containers: pod.spec.containers.map((container) => container.name),
      isOpen: () => {
        const now = this.#pods.cache.get(name);
        return now !== undefined && now.metadata.uid === uid && (this.#runner.isRunning(uid) || !hasEnded(now));
      },
    };
  }
}

type Keys = KubeObject & { readonly data?: Readonly<Record<string, string>> };
const SECRETS: ResourceType<Keys> = { group: "", version: "v1", plural: "secrets", kind: "Secret" };
const CONFIG_MAPS: ResourceType<Keys> = { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap" };

function lookup({ transport, namespace }: NamespaceScopeOptions): Lookup {
  const secrets = resourceApi(transport, SECRETS, { namespace });
  const configMaps = resourceApi(transport, CONFIG_MAPS, { namespace });
  return async (kind, name) => {
    const found = await (kind === "Secret" ? secrets : configMaps).get(name);
    if (!found || kind === "ConfigMap") return found && (found.data ?? {});
    const plain = Object.entries(found.data ?? {}).map(([key, value]) => [
      key,
      Buffer.from(value, "base64").toString(),
    ]);
    return Object.fromEntries(plain);
  };
}
