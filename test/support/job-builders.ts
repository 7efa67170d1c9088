/** Jobs and their pods as a server would hold them, for tests of what watches them. */
import type { Job, Pod } from "#kube/kinds.ts";

export const START = new Date("2026-11-21T12:00:00Z");

/** `START` plus so many seconds. */
export function after(seconds: number): Date {
  return new Date(START.getTime() + seconds * 1000);
}

export function aJob(spec: Partial<Job["spec"]> = {}, rest: Partial<Job> = {}): Job {
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name: "job", namespace: "test", uid: "job-uid", creationTimestamp: START.toISOString() },
    spec: {
      parallelism: 1,
      completions: 1,
      backoffLimit: 2,
      template: { spec: { restartPolicy: "Never", containers: [{ name: "main", image: "image" }] } },
      ...spec,
    },
    ...rest,
  };
}

export type PodOptions = {
  readonly uid?: string;
  readonly phase?: "Pending" | "Running" | "Succeeded" | "Failed";
  readonly exitCode?: number;
  readonly endedAt?: Date;
  readonly deleting?: boolean;
  readonly tracked?: boolean;
  readonly conditions?: NonNullable<Pod["status"]>["conditions"];
};

/** A pod of `aJob()`. */
export function aPod(name: string, options: PodOptions = {}): Pod {
  const { phase = "Running", exitCode = phase === "Succeeded" ? 0 : 1, tracked = true } = options;
  const ended = phase === "Succeeded" || phase === "Failed";
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "test",
      uid: options.uid ?? `uid-${name}`,
      creationTimestamp: START.toISOString(),
      ownerReferences: [{ apiVersion: "batch/v1", kind: "Job", name: "job", uid: "job-uid", controller: true }],
      ...(tracked ? { finalizers: ["batch.kubernetes.io/job-tracking"] } : {}),
      ...(options.deleting ? { deletionTimestamp: START.toISOString() } : {}),
    },
    spec: { containers: [{ name: "main", image: "image" }] },
    status: {
      phase,
      ...(options.conditions ? { conditions: options.conditions } : {}),
      ...(ended
        ? {
            containerStatuses: [
              {
                name: "main",
                state: { terminated: { exitCode, finishedAt: (options.endedAt ?? START).toISOString() } },
              },
            ],
          }
        : {}),
    },
  };
}
