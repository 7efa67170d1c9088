/** A pod's status from what its containers did: pure, in the words of the kubelet. */
import type { ContainerState, ContainerStatus, Pod, StatusCondition } from "#kube/kinds.ts";
import { kubeTime } from "../job/status.ts";

export type PodStatus = NonNullable<Pod["status"]>;

/** The name of this machine in `spec.nodeName`. */
export const NODE = "local";

export type Seen = Readonly<Record<string, ContainerState>>;

/** The status of a pod that runs (or has run) here, by the states of its containers. */
export function podStatus(pod: Pod, states: Seen, o: { startedAt: Date; now: Date }): PodStatus {
  const init = (pod.spec.initContainers ?? []).map((container) => statusOf(container.name, states));
  const main = pod.spec.containers.map((container) => statusOf(container.name, states));
  const phase = phaseOf(init, main);
  const initialized = init.every((container) => container.state?.terminated?.exitCode === 0);
  const ready = main.every((container) => container.state?.running !== undefined);
  const ended = phase === "Succeeded" ? "PodCompleted" : phase === "Failed" ? "PodFailed" : undefined;
  const condition = (type: string, holds: boolean, reason?: string): StatusCondition => {
    const status = holds ? "True" : "False";
    const before = pod.status?.conditions?.find((known) => known.type === type && known.status === status);
    return {
      type,
      status,
      ...(reason === undefined || holds ? {} : { reason }),
      lastTransitionTime: before?.lastTransitionTime ?? kubeTime(o.now),
    };
  };
  return {
    phase,
    startTime: kubeTime(o.startedAt),
    conditions: [
      condition("PodScheduled", true),
      condition("Initialized", initialized, "ContainersNotInitialized"),
      condition("Ready", ready, ended ?? "ContainersNotReady"),
      condition("ContainersReady", ready, ended ?? "ContainersNotReady"),
    ],
    ...(init.length > 0 ? { initContainerStatuses: init } : {}),
    containerStatuses: main,
  };
}

function statusOf(name: string, states: Seen): ContainerStatus & { readonly image: string; readonly imageID: string } {
  const state = states[name] ?? { waiting: { reason: "PodInitializing" } };
  return { name, state, ready: state.running !== undefined, restartCount: 0, image: "", imageID: "" };
}

function phaseOf(init: readonly ContainerStatus[], main: readonly ContainerStatus[]): NonNullable<PodStatus["phase"]> {
  if (init.some(hasFailed)) return "Failed";
  const ended = main.filter((container) => container.state?.terminated !== undefined);
  if (ended.length === main.length) return main.some(hasFailed) ? "Failed" : "Succeeded";
  return main.some((container) => container.state?.running !== undefined) || ended.length > 0 ? "Running" : "Pending";
}

function hasFailed(container: ContainerStatus): boolean {
  return (container.state?.terminated?.exitCode ?? 0) !== 0;
}

/** How a container's end shows. */
export function terminated(
  exitCode: number,
  o: { startedAt: Date; now: Date; reason?: string; message?: string },
): ContainerState {
  return {
    terminated: {
      exitCode,
      ...(exitCode > 128 ? { signal: exitCode - 128 } : {}),
      reason: o.reason ?? (exitCode === 0 ? "Completed" : "Error"),
      ...(o.message === undefined ? {} : { message: o.message }),
      startedAt: kubeTime(o.startedAt),
      finishedAt: kubeTime(o.now),
    },
  };
}

/** The status of a pod whose machine is to blame: Failed, with the condition that a Job's failure policy ignores. */
export function disrupted(pod: Pod, o: { now: Date; reason: string; message: string }): PodStatus {
  const others = (pod.status?.conditions ?? []).filter((condition) => condition.type !== "DisruptionTarget");
  const ended = (containers: readonly ContainerStatus[] = []) =>
    containers.map((container) => ({
      ...container,
      ready: false,
      state: container.state?.terminated
        ? container.state
        : terminated(137, { startedAt: o.now, now: o.now, reason: "ContainerStatusUnknown", message: o.message }),
    }));
  return {
    ...pod.status,
    phase: "Failed",
    reason: o.reason,
    message: o.message,
    conditions: [
      ...others.map((condition) =>
        condition.type.endsWith("Ready") ? { ...condition, status: "False" as const, reason: "PodFailed" } : condition,
      ),
      {
        type: "DisruptionTarget",
        status: "True",
        reason: "TerminationByKubelet",
        message: o.message,
        lastTransitionTime: kubeTime(o.now),
      },
    ],
    ...(pod.status?.initContainerStatuses ? { initContainerStatuses: ended(pod.status.initContainerStatuses) } : {}),
    containerStatuses: ended(pod.status?.containerStatuses),
  };
}

/** The status of a pod for which no process slot is free. */
export function unscheduled(o: { now: Date; slots: number }): PodStatus {
  return {
    phase: "Pending",
    conditions: [
      {
        type: "PodScheduled",
        status: "False",
        reason: "Unschedulable",
        message: `all ${o.slots} process slots of this machine are taken`,
        lastTransitionTime: kubeTime(o.now),
      },
    ],
  };
}
