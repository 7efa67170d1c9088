/** A Job's status while it is being made: counters, conditions, and the pods that have ended but are not counted yet. */
import type { Job, StatusCondition } from "#kube/kinds.ts";

export type Uncounted = { readonly succeeded?: readonly string[]; readonly failed?: readonly string[] };
export type JobStatus = NonNullable<Job["status"]> & { readonly uncountedTerminatedPods?: Uncounted };

/** The status as it stands in the object. */
export function statusOf(job: Job): JobStatus {
  return job.status ?? {};
}

/** The condition of that type when it is true. */
export function holds(status: JobStatus, type: string): StatusCondition | undefined {
  return status.conditions?.find((condition) => condition.type === type && condition.status === "True");
}

/** Whether the Job is over: nothing of its status changes any more. */
export function isOver(status: JobStatus): boolean {
  return holds(status, "Complete") !== undefined || holds(status, "Failed") !== undefined;
}

/** The conditions with this one set; its time changes only with its status. */
export function withCondition(
  conditions: readonly StatusCondition[],
  wanted: Omit<StatusCondition, "lastTransitionTime">,
  now: Date,
): readonly StatusCondition[] {
  const before = conditions.find((condition) => condition.type === wanted.type);
  if (before && before.status === wanted.status && before.reason === wanted.reason) return conditions;
  const next = {
    ...wanted,
    lastTransitionTime: before?.status === wanted.status ? (before.lastTransitionTime ?? kubeTime(now)) : kubeTime(now),
  };
  return before ? conditions.map((condition) => (condition === before ? next : condition)) : [...conditions, next];
}

/** RFC 3339 in whole seconds, as Kubernetes writes a `Time`. */
export function kubeTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
