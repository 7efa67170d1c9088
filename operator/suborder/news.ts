/**
 * What of a Job or a pod can matter to its sub-order, to be compared: the cluster writes both far more often than it comes to anything, and with
 * thousands of them every look that need not be costs. Pure.
 */
import type { ContainerStatus, Job, Pod } from "#kube/kinds.ts";

/** How many pods are active or ready is left out. */
export function newsOfJob({ metadata, spec, status }: Job): unknown {
  const { uid, ownerReferences, deletionTimestamp } = metadata;
  const { conditions, completionTime } = status ?? {};
  return [uid, ownerReferences, deletionTimestamp, spec.suspend, completionTime, conditions];
}

/** Addresses, times of conditions, annotations and finalizers are left out. */
export function newsOfPod({ metadata, status }: Pod): unknown {
  const { phase, reason, message, conditions = [], initContainerStatuses = [], containerStatuses = [] } = status ?? {};
  const told = conditions.map((condition) => [condition.type, condition.status, condition.reason, condition.message]);
  return [
    metadata.uid,
    phase,
    reason,
    message,
    told,
    initContainerStatuses.map(stateOf),
    containerStatuses.map(stateOf),
  ];
}

function stateOf({ name, state }: ContainerStatus): unknown {
  return [name, state];
}
