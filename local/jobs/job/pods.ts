/** What the Job controller asks about a pod: pure readings of its object. */
import type { Job, Pod } from "#kube/kinds.ts";

/** Keeps a finished pod until the Job has counted it; the name is upstream's. */
export const TRACKING_FINALIZER = "batch.kubernetes.io/job-tracking";

export function isTracked(pod: Pod): boolean {
  return pod.metadata.finalizers?.includes(TRACKING_FINALIZER) === true;
}

export function isDeleting(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

export function hasSucceeded(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded";
}

/** Whether the pod counts as failed: when it is at its end, or, unless the Job waits for that, as soon as it is being deleted. */
export function hasFailed(pod: Pod, job: Job): boolean {
  if (pod.status?.phase === "Failed") return true;
  return !waitsForEnd(job) && isDeleting(pod) && !hasSucceeded(pod);
}

/** Whether a pod is replaced only once it has really ended. */
export function waitsForEnd(job: Job): boolean {
  return job.spec.podReplacementPolicy === "Failed" || job.spec.podFailurePolicy !== undefined;
}

export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

export function isReady(pod: Pod): boolean {
  return (
    pod.status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") === true
  );
}

/** When the last container of the pod ended; the pod's creation when no container tells. */
export function endTime(pod: Pod): number {
  const ends = (pod.status?.containerStatuses ?? [])
    .map((container) => Date.parse(container.state?.terminated?.finishedAt ?? ""))
    .filter((time) => !Number.isNaN(time));
  return ends.length > 0 ? Math.max(...ends) : Date.parse(pod.metadata.creationTimestamp ?? "") || 0;
}

/** UID of the Job that made the pod. */
export function controllerUid(pod: Pod): string | undefined {
  return pod.metadata.ownerReferences?.find((owner) => owner.controller === true && owner.kind === "Job")?.uid;
}
