/**
 * The pod that a Job's template makes. Its name follows from the Job's UID and an ordinal, so that making it twice (after a crash, or from a
 * cache that lags) is a refused name and never a second pod.
 */
import type { Job, Pod } from "#kube/kinds.ts";
import { TRACKING_FINALIZER } from "./pods.ts";

const SUFFIX = 5;
const MAX_NAME = 63;
const LETTERS = "bcdfghjklmnpqrstvwxz2456789";

/** The first `count` pod names of the Job that are not in use. */
export function freePodNames(job: Job, taken: ReadonlySet<string>, count: number): readonly string[] {
  const names: string[] = [];
  for (let ordinal = 0; names.length < count; ordinal++) {
    const name = podName(job, ordinal);
    if (!taken.has(name)) names.push(name);
  }
  return names;
}

/** `job-xxxxx`: five letters from the Job's UID and the ordinal. */
export function podName(job: Job, ordinal: number): string {
  const hash = Bun.hash.wyhash(`${job.metadata.uid ?? ""}/${ordinal}`);
  let rest = BigInt(hash);
  let suffix = "";
  for (let i = 0; i < SUFFIX; i++) {
    suffix += LETTERS[Number(rest % BigInt(LETTERS.length))];
    rest /= BigInt(LETTERS.length);
  }
  return `${job.metadata.name.slice(0, MAX_NAME - SUFFIX - 1)}-${suffix}`;
}

/** The pod object, owned by the Job and kept by its finalizer until it is counted. */
export function podOf(job: Job, name: string): Pod {
  const { template } = job.spec;
  const uid = job.metadata.uid ?? "";
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      labels: {
        ...template.metadata?.labels,
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": job.metadata.name,
        "controller-uid": uid,
        "job-name": job.metadata.name,
      },
      ...(template.metadata?.annotations ? { annotations: template.metadata.annotations } : {}),
      finalizers: [TRACKING_FINALIZER],
      ownerReferences: [
        {
          apiVersion: "batch/v1",
          kind: "Job",
          name: job.metadata.name,
          uid,
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
    spec: template.spec,
  };
}
