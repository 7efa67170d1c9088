/** The columns of `kubectl get pods`, computed as k8s.io/kubernetes/pkg/printers/internalversion does it. */
import { at, type Fields, fieldsOf, type KubeObject, listOf } from "../object.ts";
import { age } from "../table/age.ts";
import { AGE_COLUMN, ageCell, NAME_COLUMN } from "./define.ts";
import type { Column } from "./kind.ts";

export const POD_COLUMNS: readonly Column[] = [
  NAME_COLUMN,
  { name: "Ready", type: "string", description: "The aggregate readiness state of this pod for accepting traffic." },
  { name: "Status", type: "string", description: "The aggregate status of the containers in this pod." },
  {
    name: "Restarts",
    type: "string",
    description:
      "The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.",
  },
  AGE_COLUMN,
  { name: "IP", type: "string", priority: 1, description: "podIP address allocated to the pod." },
  { name: "Node", type: "string", priority: 1, description: "The node that the pod runs on." },
  {
    name: "Nominated Node",
    type: "string",
    priority: 1,
    description: "Node that lower priority pods are removed from for it.",
  },
  {
    name: "Readiness Gates",
    type: "string",
    priority: 1,
    description: "Conditions that must be true for the pod to be ready.",
  },
];

function containerReason(status: Fields): string | undefined {
  const waiting = at(status, "state", "waiting", "reason");
  if (typeof waiting === "string" && waiting !== "") return waiting;
  const terminated = fieldsOf(at(status, "state", "terminated"));
  if (Object.keys(terminated).length === 0) return undefined;
  if (terminated["reason"]) return String(terminated["reason"]);
  return terminated["signal"] ? `Signal:${terminated["signal"]}` : `ExitCode:${terminated["exitCode"] ?? 0}`;
}

function initReason(statuses: readonly unknown[]): string | undefined {
  for (const [index, status] of statuses.entries()) {
    if (at(status, "state", "terminated", "exitCode") === 0) continue;
    const reason = containerReason(fieldsOf(status));
    if (reason && reason !== "PodInitializing") return `Init:${reason}`;
    return `Init:${index}/${statuses.length}`;
  }
  return undefined;
}

/** The word in the STATUS column. */
export function podStatus(pod: KubeObject): string {
  const status = fieldsOf(pod["status"]);
  let reason = String(status["reason"] || status["phase"] || "");
  const containers = listOf(status["containerStatuses"]);
  const init = initReason(listOf(status["initContainerStatuses"]));
  if (init && reason !== "Succeeded" && reason !== "Failed") reason = init;
  else for (const container of containers) reason = containerReason(fieldsOf(container)) ?? reason;
  if (pod.metadata.deletionTimestamp === undefined) return reason;
  const ended = status["phase"] === "Failed" || status["phase"] === "Succeeded";
  return ended ? reason : "Terminating";
}

function restarts(statuses: readonly unknown[], now: Date): string {
  const count = statuses.reduce((sum: number, status) => sum + Number(fieldsOf(status)["restartCount"] ?? 0), 0);
  const last = statuses
    .map((status) => at(status, "lastState", "terminated", "finishedAt"))
    .filter((time) => typeof time === "string")
    .sort()
    .at(-1);
  return count > 0 && last !== undefined ? `${count} (${age(last, now)} ago)` : String(count);
}

export function podRow(pod: KubeObject, now: Date): readonly unknown[] {
  const statuses = listOf(at(pod, "status", "containerStatuses"));
  const total = listOf(at(pod, "spec", "containers")).length;
  const ready = statuses.filter((status) => fieldsOf(status)["ready"] === true).length;
  return [
    pod.metadata.name,
    `${ready}/${total}`,
    podStatus(pod),
    restarts(statuses, now),
    ageCell(pod, now),
    at(pod, "status", "podIP") || "<none>",
    at(pod, "spec", "nodeName") || "<none>",
    at(pod, "status", "nominatedNodeName") || "<none>",
    "<none>",
  ];
}
