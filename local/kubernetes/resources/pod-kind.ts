/** Pods: graceful deletion, defaults, and the two fields that schedulers select by. */
import { at, fieldsOf, type KubeObject, listOf, sameJson } from "../object.ts";
import type { Cause } from "../status.ts";
import { forbiddenField, required } from "../validation/causes.ts";
import { builtinKind } from "./define.ts";
import { POD_COLUMNS, podRow } from "./pod-columns.ts";
import { withPodDefaults } from "./pod-defaults.ts";

/** Causes for a pod spec that lacks what nothing can run without. */
export function podSpecCauses(spec: unknown, path: string): readonly Cause[] {
  const containers = listOf(at(spec, "containers"));
  if (containers.length === 0) return [required(`${path}.containers`)];
  return containers.flatMap((container, index) => {
    const place = `${path}.containers[${index}]`;
    const causes: Cause[] = [];
    if (!at(container, "name")) causes.push(required(`${place}.name`));
    if (!at(container, "image")) causes.push(required(`${place}.image`));
    return causes;
  });
}

/** Fields of a pod's spec that may change while it lives. */
const MUTABLE = ["activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations", "schedulingGates"];

function frozenPart(spec: unknown): unknown {
  const rest = Object.entries(fieldsOf(spec)).filter(([field]) => !MUTABLE.includes(field) && field !== "nodeName");
  return rest.map(([field, value]) =>
    field === "containers" || field === "initContainers"
      ? [field, listOf(value).map((container) => ({ ...fieldsOf(container), image: undefined }))]
      : [field, value],
  );
}

function updateCauses(pod: KubeObject, before: KubeObject): readonly Cause[] {
  const same = sameJson(Object.fromEntries(entries(pod)), Object.fromEntries(entries(before)));
  if (same) return [];
  const words =
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
  return [forbiddenField("spec", words)];
}

function entries(pod: KubeObject): [string, unknown][] {
  return listOf(frozenPart(pod["spec"])).map((entry) => {
    const [field, value] = listOf(entry);
    return [String(field), value];
  });
}

/** 0 when nothing runs: never scheduled, or already ended. */
function graceSeconds(pod: KubeObject, asked: number | undefined): number {
  const phase = at(pod, "status", "phase");
  if (!at(pod, "spec", "nodeName") || phase === "Succeeded" || phase === "Failed") return 0;
  const grace = asked ?? at(pod, "spec", "terminationGracePeriodSeconds") ?? 30;
  return typeof grace === "number" && grace >= 0 ? grace : 1;
}

export const PODS = builtinKind({
  group: "",
  version: "v1",
  plural: "pods",
  kind: "Pod",
  component: "io.k8s.api.core.v1.Pod",
  shortNames: ["po"],
  categories: ["all"],
  statusSubresource: true,
  generation: true,
  columns: POD_COLUMNS,
  row: podRow,
  selectable: {
    "status.phase": (pod) => String(at(pod, "status", "phase") ?? ""),
    "spec.nodeName": (pod) => String(at(pod, "spec", "nodeName") ?? ""),
    "spec.restartPolicy": (pod) => String(at(pod, "spec", "restartPolicy") ?? ""),
    "spec.serviceAccountName": (pod) => String(at(pod, "spec", "serviceAccountName") ?? ""),
    "status.podIP": (pod) => String(at(pod, "status", "podIP") ?? ""),
  },
  strategy: {
    prepareCreate: (pod) => ({
      ...pod,
      spec: withPodDefaults(pod["spec"]),
      status: { phase: "Pending", qosClass: "BestEffort" },
    }),
    validate: (pod, before) => [
      ...podSpecCauses(pod["spec"], "spec"),
      ...(before === undefined ? [] : updateCauses(pod, before)),
    ],
    graceSeconds,
  },
});
