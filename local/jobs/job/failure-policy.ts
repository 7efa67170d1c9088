/**
 * What a Job's `podFailurePolicy` says about one failed pod: the first rule that matches decides, as in Kubernetes.
 * Pure; the words of the message are those of the upstream controller, so that people find them in its documentation.
 */
import type { ContainerStatus, Job, Pod, PodFailureRule } from "#kube/kinds.ts";

export type FailureVerdict =
  /** Charged to the back-off limit. */
  | { readonly kind: "count" }
  /** Not charged: the machine's fault, not the program's. */
  | { readonly kind: "ignore" }
  | { readonly kind: "failJob"; readonly message: string };

/** How the failure of `pod` is to be taken. */
export function judgeFailure(job: Job, pod: Pod): FailureVerdict {
  const rules = job.spec.podFailurePolicy?.rules ?? [];
  for (const [index, rule] of rules.entries()) {
    const what = matches(rule, pod);
    if (what === undefined) continue;
    if (rule.action === "Ignore") return { kind: "ignore" };
    if (rule.action === "Count") return { kind: "count" };
    return { kind: "failJob", message: `${what} matching ${rule.action} rule at index ${index}` };
  }
  return { kind: "count" };
}

/** What about the pod matches the rule, in words. */
function matches(rule: PodFailureRule, pod: Pod): string | undefined {
  const name = `${pod.metadata.namespace ?? ""}/${pod.metadata.name}`;
  const wanted = rule.onExitCodes;
  if (wanted) {
    const failed = statuses(pod).find((container) => {
      const code = container.state?.terminated?.exitCode ?? 0;
      if (code === 0 || (wanted.containerName !== undefined && wanted.containerName !== container.name)) return false;
      return wanted.values.includes(code) === (wanted.operator === "In");
    });
    const code = failed?.state?.terminated?.exitCode;
    return failed && `Container ${failed.name} for pod ${name} failed with exit code ${code}`;
  }
  const conditions = pod.status?.conditions ?? [];
  const met = rule.onPodConditions?.find((pattern) =>
    conditions.some((condition) => condition.type === pattern.type && condition.status === (pattern.status ?? "True")),
  );
  return met && `Pod ${name} has condition ${met.type}`;
}

function statuses(pod: Pod): readonly ContainerStatus[] {
  return [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
}
