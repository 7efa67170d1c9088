/**
 * The Job controller of one namespace: observes a Job and its pods, asks the plan, carries it out. The status is written first and refused
 * when the Job has changed since, so a plan made from an old view changes nothing; pods have names that make a repeat harmless.
 */
import type { Logger } from "pino";
import type { Cache } from "#kube/cache.ts";
import { type Controller, controller, type Outcome } from "#kube/controller.ts";
import { isAlreadyExists, isNotFound } from "#kube/errors.ts";
import type { EventRecorder } from "#kube/events.ts";
import type { Job, Pod } from "#kube/kinds.ts";
import type { WorkQueue } from "#kube/queue.ts";
import type { ResourceApi } from "#kube/resource.ts";
import { type JobPlan, type PodBackoff, planJob } from "./plan.ts";
import { controllerUid, isTracked, TRACKING_FINALIZER } from "./pods.ts";
import { holds, isOver, statusOf } from "./status.ts";
import { freePodNames, podOf } from "./template.ts";

export type JobControllerOptions = {
  readonly jobs: ResourceApi<Job>;
  readonly pods: ResourceApi<Pod>;
  readonly jobCache: Cache<Job>;
  /** Indexed by `JOB_INDEX`. */
  readonly podCache: Cache<Pod>;
  readonly queue: WorkQueue;
  readonly events: EventRecorder;
  readonly backoff: PodBackoff;
  readonly now: () => Date;
  readonly logger: Logger;
};

const CONCURRENCY = 4;

/** Index of pods by the UID and by the name of the Job that controls them. */
export const JOB_INDEX = "job";

export function jobKeysOf(pod: Pod): readonly string[] {
  const name = jobNameOf(pod);
  const uid = controllerUid(pod);
  return [...(name === undefined ? [] : [`name:${name}`]), ...(uid === undefined ? [] : [`uid:${uid}`])];
}

/** Name of the Job that the pod says it belongs to: the key to look at when the pod changes. */
export function jobNameOf(pod: Pod): string | undefined {
  return pod.metadata.ownerReferences?.find((owner) => owner.controller === true && owner.kind === "Job")?.name;
}

export function jobController(options: JobControllerOptions): Controller {
  return controller({
    name: "job",
    queue: options.queue,
    concurrency: CONCURRENCY,
    logger: options.logger,
    reconcile: (name) => reconcile(name, options),
  });
}

async function reconcile(name: string, options: JobControllerOptions): Promise<Outcome> {
  const job = options.jobCache.get(name);
  await releaseStrays(name, job, options);
  if (!job) return { kind: "done" };
  const pods = options.podCache.by(JOB_INDEX, `uid:${job.metadata.uid ?? ""}`);
  const plan = planJob(job, pods, { now: options.now(), backoff: options.backoff });
  await execute(job, plan, { ...options, known: pods });
  const waits = [plan.againAfterMs, await sweep(job, options)].filter((ms) => ms !== undefined);
  return waits.length > 0 ? { kind: "requeueAfter", ms: Math.min(...waits) } : { kind: "done" };
}

/** Lets go of pods that were made by a Job of this name which is not there any more; a live look decides. */
async function releaseStrays(name: string, job: Job | undefined, { jobs, pods, podCache }: JobControllerOptions) {
  const strays = podCache
    .by(JOB_INDEX, `name:${name}`)
    .filter((pod) => isTracked(pod) && controllerUid(pod) !== job?.metadata.uid);
  if (strays.length === 0) return;
  const live = await jobs.get(name);
  const released = strays.filter((pod) => controllerUid(pod) !== live?.metadata.uid);
  await Promise.all(released.map((pod) => release(pod, pods)));
}

async function execute(
  job: Job,
  plan: JobPlan,
  options: JobControllerOptions & { known: readonly Pod[] },
): Promise<void> {
  const { jobs, pods } = options;
  const changed = !Bun.deepEquals(withoutUndefined(plan.status), withoutUndefined(statusOf(job)));
  if (changed) await jobs.replace({ ...job, status: plan.status }, { subresource: "status" });
  for (const { type, reason, note } of plan.news) {
    await emit(job, { type, reason, note }, options);
  }
  await Promise.all(plan.release.map((pod) => release(pod, pods)));
  for (const pod of plan.remove) {
    const { name, uid = "" } = pod.metadata;
    await pods.delete(name, { uid });
    await emit(job, { type: "Normal", reason: "SuccessfulDelete", note: `Deleted pod: ${name}` }, options);
  }
  const taken = new Set(options.podCache.by(JOB_INDEX, `name:${job.metadata.name}`).map((pod) => pod.metadata.name));
  for (const name of freePodNames(job, taken, plan.create)) await createPod(job, name, options);
}

async function createPod(job: Job, name: string, options: JobControllerOptions): Promise<void> {
  try {
    await options.pods.create(podOf(job, name));
  } catch (error) {
    // Made by an earlier pass that our view does not show yet.
    if (isAlreadyExists(error)) return;
    throw error;
  }
  await emit(job, { type: "Normal", reason: "SuccessfulCreate", note: `Created pod: ${name}` }, options);
}

function emit(
  job: Job,
  news: { type: "Normal" | "Warning"; reason: string; note: string },
  { events }: JobControllerOptions,
): Promise<void> {
  const regarding = { ...job, apiVersion: "batch/v1", kind: "Job" };
  return events.emit(regarding, { ...news, action: "JobController" });
}

async function release(pod: Pod, pods: ResourceApi<Pod>): Promise<void> {
  const { name, uid, resourceVersion, finalizers = [] } = pod.metadata;
  const rest = finalizers.filter((finalizer) => finalizer !== TRACKING_FINALIZER);
  try {
    await pods.patch(name, { metadata: { uid, resourceVersion, finalizers: rest } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Deletes a Job that ended long enough ago; answers how long there is still to wait. */
async function sweep(job: Job, { jobs, now }: JobControllerOptions): Promise<number | undefined> {
  const ttl = job.spec.ttlSecondsAfterFinished;
  const status = statusOf(job);
  if (ttl === undefined || !isOver(status) || job.metadata.deletionTimestamp !== undefined) return undefined;
  const end = holds(status, "Complete") ?? holds(status, "Failed");
  const wait = Date.parse(end?.lastTransitionTime ?? "") + ttl * 1000 - now().getTime();
  if (wait > 0) return wait;
  const { name, uid = "", resourceVersion = "" } = job.metadata;
  await jobs.delete(name, { uid, resourceVersion, propagation: "Background" });
  return undefined;
}

function withoutUndefined(value: object): unknown {
  return JSON.parse(JSON.stringify(value));
}
