/**
 * One look at a Job and its pods, and what is to be done: the status to write, pods to make, to delete, to let go. Pure and total.
 * Counting is in two steps, so that a crash never counts a pod twice or not at all: an ended pod's UID is first written into
 * `uncountedTerminatedPods`, then the pod loses its finalizer, and only an uncounted UID without that finalizer moves into the counter.
 */
import type { Job, Pod } from "#kube/kinds.ts";
import { judgeFailure } from "./failure-policy.ts";
import { endTime, hasEnded, hasFailed, hasSucceeded, isDeleting, isReady, isTracked, waitsForEnd } from "./pods.ts";
import { holds, isOver, type JobStatus, kubeTime, statusOf, withCondition } from "./status.ts";

export type JobPlan = {
  readonly status: JobStatus;
  /** How many pods to make. */
  readonly create: number;
  readonly remove: readonly Pod[];
  /** Pods whose tracking finalizer goes, once the status is written. */
  readonly release: readonly Pod[];
  /** Milliseconds after which time alone may change the plan. */
  readonly againAfterMs?: number;
  readonly news: readonly News[];
};

export type News = { readonly type: "Normal" | "Warning"; readonly reason: string; readonly note: string };

export type PodBackoff = { readonly baseMs: number; readonly maxMs: number };
/** The delays of the upstream controller. */
export const UPSTREAM_BACKOFF: PodBackoff = { baseMs: 10_000, maxMs: 600_000 };

type Verdict = { readonly kind: "succeeded" | "failed"; readonly reason: string; readonly message: string };

/** What there is, counted once and used by every decision. */
type Seen = {
  readonly job: Job;
  readonly now: Date;
  readonly active: readonly Pod[];
  readonly terminating: readonly Pod[];
  readonly ended: readonly Pod[];
  readonly succeeded: number;
  readonly failed: number;
  readonly uncounted: { readonly succeeded: readonly string[]; readonly failed: readonly string[] };
  readonly counted: { readonly succeeded: number; readonly failed: number };
};

/** The next step for a Job. `pods` are those that it controls. */
export function planJob(job: Job, pods: readonly Pod[], options: { now: Date; backoff?: PodBackoff }): JobPlan {
  const before = statusOf(job);
  if (job.metadata.deletionTimestamp !== undefined) return nothing(before, pods.filter(isTracked));
  if (isOver(before)) {
    return {
      ...nothing(
        before,
        pods.filter((pod) => isTracked(pod) && hasEnded(pod)),
      ),
      remove: living(pods),
    };
  }
  const seen = look(job, pods, options.now);
  const verdict = judge(seen);
  const status = nextStatus(seen, verdict);
  const release = seen.ended.filter(isTracked);
  if (verdict || isOver(status)) {
    return { status, create: 0, remove: living(pods), release, news: newsOf(before, status), ...deadline(seen) };
  }
  const staffing = staff(seen, options.backoff ?? UPSTREAM_BACKOFF);
  const again = [staffing.againAfterMs, deadline(seen).againAfterMs].filter((ms) => ms !== undefined);
  return {
    status,
    create: staffing.create,
    remove: staffing.remove,
    release,
    news: newsOf(before, status),
    ...(again.length > 0 ? { againAfterMs: Math.min(...again) } : {}),
  };
}

function nothing(status: JobStatus, release: readonly Pod[]): JobPlan {
  return { status, create: 0, remove: [], release, news: [] };
}

/** Pods to be deleted: those that neither ended nor are on their way out. */
function living(pods: readonly Pod[]): readonly Pod[] {
  return pods.filter((pod) => !hasEnded(pod) && !isDeleting(pod));
}

function look(job: Job, pods: readonly Pod[], now: Date): Seen {
  const before = statusOf(job);
  const ended = pods.filter((pod) => hasSucceeded(pod) || hasFailed(pod, job));
  const open = pods.filter((pod) => !ended.includes(pod));
  const tracked = new Set(pods.filter(isTracked).map((pod) => pod.metadata.uid ?? ""));
  const known = before.uncountedTerminatedPods ?? {};
  const fresh = ended.filter((pod) => isTracked(pod));
  const uncounted = {
    succeeded: waiting(known.succeeded, tracked, fresh.filter(hasSucceeded)),
    failed: waiting(
      known.failed,
      tracked,
      fresh.filter((pod) => !hasSucceeded(pod) && charged(job, pod)),
    ),
  };
  const counted = {
    succeeded: (before.succeeded ?? 0) + released(known.succeeded, tracked),
    failed: (before.failed ?? 0) + released(known.failed, tracked),
  };
  return {
    job,
    now,
    ended,
    active: open.filter((pod) => !isDeleting(pod)),
    terminating: pods.filter((pod) => isDeleting(pod) && !hasEnded(pod)),
    uncounted,
    counted,
    succeeded: counted.succeeded + uncounted.succeeded.length,
    failed: counted.failed + uncounted.failed.length,
  };
}

/** UIDs that are still to be counted: those known before whose pod has its finalizer yet, and the newly ended. */
function waiting(
  known: readonly string[] = [],
  tracked: ReadonlySet<string>,
  fresh: readonly Pod[],
): readonly string[] {
  const uids = [...known.filter((uid) => tracked.has(uid)), ...fresh.map((pod) => pod.metadata.uid ?? "")];
  return [...new Set(uids)];
}

/** How many known UIDs may move into the counter: their pod was let go, or is gone. */
function released(known: readonly string[] = [], tracked: ReadonlySet<string>): number {
  return known.filter((uid) => !tracked.has(uid)).length;
}

/** Whether the failure counts against the back-off limit. A pod that was stopped because the Job is suspended has done nothing wrong. */
function charged(job: Job, pod: Pod): boolean {
  if (job.spec.suspend === true && isDeleting(pod)) return false;
  return judgeFailure(job, pod).kind !== "ignore";
}

/** Whether the Job's fate is settled, by what was decided before or by what is seen now. */
function judge(seen: Seen): Verdict | undefined {
  return decided(statusOf(seen.job)) ?? ruledOut(seen) ?? (isComplete(seen) ? COMPLETE : undefined);
}

const COMPLETE: Verdict = {
  kind: "succeeded",
  reason: "CompletionsReached",
  message: "Reached expected number of succeeded pods",
};

function decided(before: JobStatus): Verdict | undefined {
  const doomed = holds(before, "FailureTarget");
  if (doomed) return failed(doomed.reason ?? "", doomed.message ?? "");
  return holds(before, "SuccessCriteriaMet") ? COMPLETE : undefined;
}

function ruledOut(seen: Seen): Verdict | undefined {
  const { job, now } = seen;
  if (job.spec.completionMode === "Indexed") {
    return failed("CompletionModeNotSupported", "Indexed Jobs do not run on one machine: use a Kubernetes cluster");
  }
  for (const pod of seen.ended) {
    const verdict = hasSucceeded(pod) ? undefined : judgeFailure(job, pod);
    if (verdict?.kind === "failJob") return failed("PodFailurePolicy", verdict.message);
  }
  if (seen.failed > (job.spec.backoffLimit ?? 6)) {
    return failed("BackoffLimitExceeded", "Job has reached the specified backoff limit");
  }
  if ((msToDeadline(job, now) ?? 1) > 0) return undefined;
  return failed("DeadlineExceeded", "Job was active longer than specified deadline");
}

function failed(reason: string, message: string): Verdict {
  return { kind: "failed", reason, message };
}

function isComplete({ job, succeeded, active, terminating }: Seen): boolean {
  const wanted = job.spec.completions;
  return wanted === undefined ? succeeded > 0 && active.length + terminating.length === 0 : succeeded >= wanted;
}

function msToDeadline(job: Job, now: Date): number | undefined {
  const start = statusOf(job).startTime;
  const seconds = job.spec.activeDeadlineSeconds;
  if (seconds === undefined || start === undefined || job.spec.suspend === true) return undefined;
  return Date.parse(start) + seconds * 1000 - now.getTime();
}

function deadline({ job, now }: Seen): { readonly againAfterMs?: number } {
  const ms = msToDeadline(job, now);
  return ms === undefined || ms <= 0 ? {} : { againAfterMs: ms };
}

function nextStatus(seen: Seen, verdict: Verdict | undefined): JobStatus {
  const { job, now, active, terminating, counted, uncounted } = seen;
  const before = statusOf(job);
  const suspended = job.spec.suspend === true;
  const { startTime, conditions } = suspension(before, { suspended: suspended && !verdict, now });
  const settled =
    active.length + terminating.length === 0 && uncounted.succeeded.length + uncounted.failed.length === 0;
  const over = verdict !== undefined && settled;
  const completed = over && verdict.kind === "succeeded" ? kubeTime(now) : undefined;
  return {
    ...(startTime === undefined ? {} : { startTime }),
    ...(completed === undefined ? {} : { completionTime: completed }),
    active: active.length,
    ready: active.filter(isReady).length,
    terminating: terminating.length,
    succeeded: counted.succeeded,
    failed: counted.failed,
    uncountedTerminatedPods: {
      ...(uncounted.succeeded.length > 0 ? { succeeded: uncounted.succeeded } : {}),
      ...(uncounted.failed.length > 0 ? { failed: uncounted.failed } : {}),
    },
    conditions: verdict ? verdictConditions(conditions, { verdict, over, now }) : conditions,
  };
}

function verdictConditions(
  conditions: NonNullable<JobStatus["conditions"]>,
  { verdict, over, now }: { verdict: Verdict; over: boolean; now: Date },
): NonNullable<JobStatus["conditions"]> {
  const [target, end] = verdict.kind === "failed" ? ["FailureTarget", "Failed"] : ["SuccessCriteriaMet", "Complete"];
  const { reason, message } = verdict;
  const targeted = withCondition(conditions, { type: target, status: "True", reason, message }, now);
  return over ? withCondition(targeted, { type: end, status: "True", reason, message }, now) : targeted;
}

/** Start time and `Suspended` condition: a suspended Job has no start time, so its deadline begins anew when it goes on. */
function suspension(before: JobStatus, { suspended, now }: { suspended: boolean; now: Date }) {
  const conditions = before.conditions ?? [];
  const was = holds(before, "Suspended") !== undefined;
  if (suspended) {
    const condition = { type: "Suspended", status: "True", reason: "JobSuspended", message: "Job suspended" } as const;
    return { startTime: undefined, conditions: withCondition(conditions, condition, now) };
  }
  const startTime = before.startTime ?? kubeTime(now);
  if (!was) return { startTime, conditions };
  const condition = { type: "Suspended", status: "False", reason: "JobResumed", message: "Job resumed" } as const;
  return { startTime, conditions: withCondition(conditions, condition, now) };
}

/** How many pods are missing or too many. */
function staff(seen: Seen, backoff: PodBackoff): Pick<JobPlan, "create" | "remove" | "againAfterMs"> {
  const { job, active, terminating, succeeded, now } = seen;
  if (job.spec.suspend === true) return { create: 0, remove: active };
  const parallelism = job.spec.parallelism ?? 1;
  const missing = job.spec.completions === undefined ? parallelism : Math.max(job.spec.completions - succeeded, 0);
  const open = job.spec.completions === undefined && succeeded > 0 ? active.length : Math.min(parallelism, missing);
  const occupied = active.length + (waitsForEnd(job) ? terminating.length : 0);
  if (active.length > open) return { create: 0, remove: active.slice(open) };
  const create = Math.max(open - occupied, 0);
  if (create === 0) return { create: 0, remove: [] };
  const wait = msToRetry(seen, backoff) - now.getTime();
  return wait > 0 ? { create: 0, remove: [], againAfterMs: wait } : { create, remove: [] };
}

/** The time from which another pod may be made: later with each failure in a row since the last success. */
function msToRetry({ job, ended }: Seen, { baseMs, maxMs }: PodBackoff): number {
  const lastSuccess = Math.max(0, ...ended.filter(hasSucceeded).map(endTime));
  const failures = ended
    .filter((pod) => !hasSucceeded(pod) && charged(job, pod))
    .map(endTime)
    .filter((time) => time >= lastSuccess);
  if (failures.length === 0) return 0;
  return Math.max(...failures) + Math.min(maxMs, baseMs * 2 ** Math.min(failures.length - 1, 30));
}

/** What became true with this status, as events. */
function newsOf(before: JobStatus, after: JobStatus): readonly News[] {
  const news: News[] = [];
  for (const condition of after.conditions ?? []) {
    const known = before.conditions?.find((other) => other.type === condition.type);
    if (known?.status === condition.status || !(condition.type in NEWS)) continue;
    const reason = condition.type === "Complete" ? "Completed" : (condition.reason ?? condition.type);
    const note = condition.type === "Complete" ? "Job completed" : (condition.message ?? "");
    news.push({ type: NEWS[condition.type] ?? "Normal", reason, note });
  }
  return news;
}

const NEWS: Readonly<Record<string, News["type"]>> = { Complete: "Normal", Failed: "Warning", Suspended: "Normal" };
