/**
 * The Job of one attempt, from the administrator's template. Pure: the same SubOrder gives the same Job, so making it twice is a 409.
 * `suspend` is never set: with Kueue it is Kueue's field, and pausing an order deletes its SubOrders instead.
 */
import { API_VERSION, CONTAINER, EXIT, jobName, LABELS, MANAGER, PROCESS_DEADLINE } from "#crds/names.ts";
import type { Process } from "#crds/process.ts";
import type { SubOrder } from "#crds/suborder.ts";
import { attemptSpan, orderTrace, traceparent } from "#crds/trace.ts";
import type { Container, Job, PodFailureRule, PodSpec, PodTemplate } from "#kube/kinds.ts";
import type { JobConfig } from "../config.ts";
import { processContainer, processDeadline, runVolumes, STAGES, type Stage } from "./process-pod.ts";

/** The worker reports what it has on SIGTERM; it gets this long. */
const GRACE_SECONDS = 30;

/** Builds the Job of the attempt in the SubOrder's spec; `process` is the one that it names. */
export function jobFor(subOrder: SubOrder, config: JobConfig, process?: Process): Job {
  const { metadata, spec } = subOrder;
  const labels = {
    [LABELS.order]: String(spec.orderId),
    [LABELS.subOrder]: String(spec.number),
    [LABELS.attempt]: String(spec.attempt),
    [LABELS.component]: "worker",
    [LABELS.managedBy]: MANAGER,
  };
  const deadline = process && processDeadline(process);
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: jobName(metadata.name, spec.attempt),
      labels: { ...labels, ...(config.queueName ? { [LABELS.kueueQueue]: config.queueName } : {}) },
      ...(deadline === undefined ? {} : { annotations: { [PROCESS_DEADLINE]: String(deadline) } }),
      ownerReferences: [
        {
          apiVersion: API_VERSION,
          kind: "SubOrder",
          name: metadata.name,
          uid: metadata.uid ?? "",
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: {
      parallelism: 1,
      completions: 1,
      backoffLimit: config.backoffLimit,
      activeDeadlineSeconds: config.deadlineSeconds + (deadline ?? 0),
      ttlSecondsAfterFinished: config.ttlSeconds,
      podReplacementPolicy: "Failed",
      podFailurePolicy: { rules: failureRules(process) },
      template: { metadata: podMetadata(labels, config), spec: podSpec(subOrder, config, process) },
    },
  };
}

/** SIGKILL and SIGTERM, as exit codes: what a node or a deletion does to a program; only others are the program's own failure. */
const ENDED_FROM_OUTSIDE = [137, 143];

function failureRules(process: Process | undefined): readonly PodFailureRule[] {
  const disruption: PodFailureRule = {
    action: "Ignore",
    onPodConditions: [{ type: "DisruptionTarget", status: "True" }],
  };
  const final = (containerName: string): PodFailureRule => ({
    action: "FailJob",
    onExitCodes: { containerName, operator: "In", values: [EXIT.notReady, EXIT.unusable] },
  });
  if (process === undefined) return [disruption, final(CONTAINER.worker)];
  const failed: PodFailureRule = {
    action: "FailJob",
    onExitCodes: { containerName: CONTAINER.process, operator: "NotIn", values: ENDED_FROM_OUTSIDE },
  };
  return [disruption, final(CONTAINER.fetch), failed, final(CONTAINER.worker)];
}

/** Labels of ours win: the operator finds its pods by them. */
function podMetadata(
  labels: Readonly<Record<string, string>>,
  { podLabels, podAnnotations }: JobConfig,
): NonNullable<PodTemplate["metadata"]> {
  return { labels: { ...podLabels, ...labels }, ...(podAnnotations ? { annotations: podAnnotations } : {}) };
}

function podSpec(subOrder: SubOrder, config: JobConfig, process: Process | undefined): PodSpec {
  return {
    restartPolicy: "Never",
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    // The first process of a container does not hear SIGTERM before it listens for it: with the pod's own first process above it, it does.
    // Not beside a foreign program: whatever it left running could read the memory of ours.
    shareProcessNamespace: process === undefined,
    terminationGracePeriodSeconds: GRACE_SECONDS,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" }, ...runAs(config) },
    ...(process === undefined
      ? { containers: [container(subOrder, config)] }
      : {
          initContainers: [container(subOrder, config, STAGES.fetch), processContainer(process)],
          containers: [container(subOrder, config, STAGES.publish)],
        }),
    volumes: [
      { name: "tmp", emptyDir: temporary(config) },
      ...(process ? runVolumes(config) : []),
      ...(config.volumes ?? []),
    ],
    ...(config.serviceAccount ? { serviceAccountName: config.serviceAccount } : {}),
    ...(config.imagePullSecrets ? { imagePullSecrets: config.imagePullSecrets.map((name) => ({ name })) } : {}),
    ...(config.nodeSelector ? { nodeSelector: config.nodeSelector } : {}),
    ...(config.tolerations ? { tolerations: config.tolerations } : {}),
    ...(config.affinity ? { affinity: config.affinity } : {}),
    ...(config.priorityClassName ? { priorityClassName: config.priorityClassName } : {}),
  };
}

function runAs({ runAs: ids }: JobConfig): Readonly<Record<string, number>> {
  return {
    ...(ids?.user === undefined ? {} : { runAsUser: ids.user }),
    ...(ids?.group === undefined ? {} : { runAsGroup: ids.group }),
    ...(ids?.fsGroup === undefined ? {} : { fsGroup: ids.fsGroup }),
  };
}

function temporary({ temporarySpace }: JobConfig): { readonly sizeLimit?: string } {
  return temporarySpace === undefined ? {} : { sizeLimit: temporarySpace };
}

const DEFAULT_RESOURCES = {
  requests: { cpu: "100m", memory: "128Mi" },
  limits: { memory: "512Mi" },
};

function environment(
  { orderId, number, attempt }: SubOrder["spec"],
  { env, traces }: JobConfig,
): Pick<Container, "env"> {
  if (!traces) return env ? { env } : {};
  const { traceId } = orderTrace(traces.tenant, orderId);
  const spanId = attemptSpan(traces.tenant, { orderId, number, attempt });
  return { env: [...(env ?? []), { name: "TRACEPARENT", value: traceparent({ traceId, spanId }) }] };
}

/** Our own program: all of the work, or one stage of it beside a process. */
function container({ spec }: SubOrder, config: JobConfig, stage?: Stage): Container {
  const which = [
    "--order",
    String(spec.orderId),
    "--sub-order",
    String(spec.number),
    "--attempt",
    String(spec.attempt),
  ];
  return {
    name: stage?.container ?? CONTAINER.worker,
    image: config.image,
    ...(config.command ? { command: config.command } : {}),
    args: [...config.args, ...which, ...(stage?.args ?? [])],
    resources: config.resources ?? DEFAULT_RESOURCES,
    volumeMounts: [{ name: "tmp", mountPath: "/tmp" }, ...(stage?.mounts ?? []), ...(config.volumeMounts ?? [])],
    terminationMessagePolicy: "FallbackToLogsOnError",
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    ...(config.imagePullPolicy ? { imagePullPolicy: config.imagePullPolicy } : {}),
    ...environment(spec, config),
    ...(config.envFrom ? { envFrom: config.envFrom } : {}),
  };
}
