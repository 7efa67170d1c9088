/**
 * The pods of one namespace on this machine: starts those that nobody has started, a few at a time, oldest first, and ends those that are
 * deleted. A pod found as running here although this process did not start it was left by an earlier run: its processes are stopped and it
 * fails as lost with the machine, so that its Job starts another one uncharged.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Cache, Change } from "#kube/cache.ts";
import { isConflict, isNotFound } from "#kube/errors.ts";
import type { Pod } from "#kube/kinds.ts";
import { backoffMs, pause } from "#kube/pause.ts";
import type { ResourceApi } from "#kube/resource.ts";
import { hasEnded, isDeleting } from "../job/pods.ts";
import type { Lookup } from "./environment.ts";
import { recordFile, stopRecorded } from "./process.ts";
import { PodRun } from "./run.ts";
import type { Slots } from "./slots.ts";
import { disrupted, NODE, type PodStatus, unscheduled } from "./status.ts";

export type PodRunnerOptions = {
  readonly pods: ResourceApi<Pod>;
  readonly cache: Cache<Pod>;
  /** Folder with one folder per pod, by UID. */
  readonly folder: string;
  readonly slots: Slots;
  /** Variables for a container of this pod, before its own. */
  readonly environmentOf: (pod: Pod, container: string) => Readonly<Record<string, string>>;
  readonly lookup: Lookup;
  readonly now: () => Date;
  readonly random: () => number;
  readonly logger: Logger;
};

const LOST = { reason: "NodeLost", message: "The program that ran the pod ended without ending it" };
const SHUTDOWN = { reason: "Terminated", message: "Pod was terminated in response to imminent node shutdown." };
/** What a process left behind by an earlier run gets to end by itself. */
const ORPHAN_GRACE_MS = 5_000;
const SHUTDOWN_GRACE_MS = 8_000;
const RETRY = { firstMs: 50, longestMs: 5_000 };

export class PodRunner {
  readonly #options: PodRunnerOptions;
  readonly #runs = new Map<string, PodRun>();
  /** Pods that wait for a slot, by UID. */
  readonly #waiting = new Map<string, Pod>();
  /** Pods that something is being done about beside running them. */
  readonly #busy = new Set<string>();
  /** Pods that have got their end from us; the cache may not show it yet. */
  readonly #ended = new Set<string>();
  /** Pods that were let go and wait for the finalizers of others. */
  readonly #removed = new Set<string>();
  readonly #closed = new AbortController();
  #closing = false;

  constructor(options: PodRunnerOptions) {
    this.#options = options;
    options.slots.onFree(this.#fill);
  }

  /** Whether a process of the pod runs here. */
  isRunning(uid: string): boolean {
    return this.#runs.has(uid);
  }

  /** Takes in what became of a pod. */
  see(change: Change<Pod>): void {
    if (change.kind === "deleted") this.#gone(change.before);
    else this.look(change.now);
  }

  /** Looks at a pod as it is now; may be called as often as one likes. */
  look(pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    const run = this.#runs.get(uid);
    if (run && isDeleting(pod)) run.stop({ graceMs: graceMs(pod) });
    if (run || this.#busy.has(uid) || this.#removed.has(uid) || this.#closing) return;
    if (isDeleting(pod)) this.#act(pod, () => this.#finish(pod));
    else if (hasEnded(pod) || this.#ended.has(uid)) return;
    else if (pod.spec.nodeName === NODE) this.#act(pod, () => this.#lost(pod));
    else if (pod.spec.nodeName === undefined) {
      this.#waiting.set(uid, pod);
      this.#fill();
    }
  }

  /** Stops everything that runs and says why; resolves when it is over. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#waiting.clear();
    const runs = [...this.#runs.values()];
    for (const run of runs) run.stop({ graceMs: SHUTDOWN_GRACE_MS, disruption: SHUTDOWN });
    await Promise.all(runs.map((run) => run.done));
    this.#closed.abort();
    this.#options.slots.offFree(this.#fill);
  }

  /** Does something about a pod, one thing at a time; what happened to it meanwhile is looked at afterwards. */
  #act(pod: Pod, action: () => Promise<unknown>): void {
    const { name, uid = "" } = pod.metadata;
    this.#busy.add(uid);
    action()
      .catch((error: unknown) => this.#options.logger.error({ err: error, pod: name }, "cannot look after pod"))
      .finally(() => {
        this.#busy.delete(uid);
        const now = this.#options.cache.get(name);
        if (now?.metadata.uid === uid) this.look(now);
      });
  }

  #gone(pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    this.#waiting.delete(uid);
    this.#removed.delete(uid);
    const run = this.#runs.get(uid);
    run?.stop({ graceMs: graceMs(pod) });
    this.#act(pod, async () => {
      await run?.done;
      await rm(this.#folder(pod), { recursive: true, force: true });
      this.#ended.delete(uid);
    });
  }

  /** Starts waiting pods while there are slots; tells the others why they wait. */
  readonly #fill = (): void => {
    const { slots } = this.#options;
    const oldest = [...this.#waiting.values()].sort((a, b) => created(a) - created(b));
    for (const pod of oldest) {
      const uid = pod.metadata.uid ?? "";
      if (slots.take()) {
        this.#waiting.delete(uid);
        this.#act(pod, () => this.#start(pod).finally(() => slots.give()));
      } else if (!pod.status?.conditions?.some((condition) => condition.reason === "Unschedulable")) {
        const status = unscheduled({ now: this.#options.now(), slots: slots.count });
        this.#waiting.set(uid, { ...pod, status });
        void this.#writeStatus(pod, status);
      }
    }
  };

  async #start(pod: Pod): Promise<void> {
    const uid = pod.metadata.uid ?? "";
    const bound = await this.#insist(pod, () =>
      this.#options.pods.patch(pod.metadata.name, { metadata: { uid }, spec: { nodeName: NODE } }),
    );
    if (!bound || this.#closing || isDeleting(bound)) return;
    const run = new PodRun({
      ...this.#options,
      pod: bound,
      folder: this.#folder(bound),
      baseOf: (container) => this.#options.environmentOf(bound, container),
      writeStatus: (status) => this.#writeStatus(bound, status),
    });
    this.#runs.set(uid, run);
    // The wish to delete it may have come while it was bound.
    const now = this.#options.cache.get(pod.metadata.name);
    if (now?.metadata.uid === uid) this.look(now);
    await run.done;
    this.#ended.add(uid);
    this.#runs.delete(uid);
  }

  /** A pod that is being deleted and does not run (any more): gives it an end and lets it go. */
  async #finish(pod: Pod): Promise<void> {
    const { uid = "" } = pod.metadata;
    if (!hasEnded(pod) && !this.#ended.has(uid)) {
      await this.#stopLeft(pod);
      await this.#writeStatus(pod, { ...pod.status, phase: "Failed", reason: "Deleted" });
      this.#ended.add(uid);
    }
    this.#waiting.delete(uid);
    this.#removed.add(uid);
    await this.#remove(pod);
  }

  async #lost(pod: Pod): Promise<void> {
    await this.#stopLeft(pod);
    await this.#writeStatus(pod, disrupted(pod, { now: this.#options.now(), ...LOST }));
    this.#ended.add(pod.metadata.uid ?? "");
    this.#options.logger.warn({ pod: pod.metadata.name }, "pod was left by an earlier run and counts as lost");
  }

  async #stopLeft(pod: Pod): Promise<void> {
    const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
    await Promise.all(containers.map(({ name }) => stopRecorded(recordFile(this.#folder(pod), name), ORPHAN_GRACE_MS)));
  }

  #remove(pod: Pod): Promise<unknown> {
    const { name, uid = "" } = pod.metadata;
    return this.#insist(pod, () => this.#options.pods.delete(name, { uid, graceSeconds: 0 }));
  }

  async #writeStatus(pod: Pod, status: PodStatus): Promise<void> {
    const { name, uid } = pod.metadata;
    await this.#insist(pod, () =>
      this.#options.pods.patch(name, { metadata: { uid }, status }, { subresource: "status" }),
    );
  }

  /** Repeats a call until it succeeds, or the pod it is about is gone, or this runner is closed. */
  async #insist<T>(pod: Pod, call: () => Promise<T>): Promise<T | undefined> {
    for (let failures = 1; !this.#closed.signal.aborted; failures++) {
      try {
        return await call();
      } catch (error) {
        if (isNotFound(error) || isConflict(error)) return undefined;
        this.#options.logger.warn({ err: error, pod: pod.metadata.name }, "cannot tell about pod, trying again");
        await pause(backoffMs(failures, { ...RETRY, random: this.#options.random }), this.#closed.signal).catch(
          () => {},
        );
      }
    }
    return undefined;
  }

  #folder(pod: Pod): string {
    return join(this.#options.folder, pod.metadata.uid ?? "unknown");
  }
}

function created(pod: Pod): number {
  return Date.parse(pod.metadata.creationTimestamp ?? "") || 0;
}

function graceMs(pod: Pod): number {
  const asked =
    "deletionGracePeriodSeconds" in pod.metadata ? Number(pod.metadata.deletionGracePeriodSeconds) : undefined;
  return (asked ?? pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
}
