/**
 * What a run of a process adds to the pod: a volume for its work, and the administrator's program between our two stages. It gets its files and
 * parameters and nothing else: no variable, volume, account or process of ours is within its reach.
 */
import { CONTAINER } from "#crds/names.ts";
import type { Process } from "#crds/process.ts";
import type { Container, Volume, VolumeMount } from "#kube/kinds.ts";
import type { JobConfig } from "../config.ts";

const WORK = "/work";
const WORK_VOLUME = "work";
const TEMPORARY_VOLUME = "process-tmp";
const DEFAULT_DEADLINE_SECONDS = 3600;

export type Stage = {
  readonly container: string;
  readonly args: readonly string[];
  readonly mounts: readonly VolumeMount[];
};

/** The two of our program. What the process left is only read. */
export const STAGES: Readonly<Record<"fetch" | "publish", Stage>> = {
  fetch: {
    container: CONTAINER.fetch,
    args: ["--stage", "fetch", "--work", WORK],
    mounts: [{ name: WORK_VOLUME, mountPath: WORK }],
  },
  publish: {
    container: CONTAINER.worker,
    args: ["--stage", "publish", "--work", WORK],
    mounts: [{ name: WORK_VOLUME, mountPath: WORK, readOnly: true }],
  },
};

/** How long one run of its program may take, in seconds. */
export function processDeadline({ spec }: Process): number {
  return spec.deadlineSeconds ?? DEFAULT_DEADLINE_SECONDS;
}

export function processContainer({ spec }: Process): Container {
  const [program = "", ...args] = spec.command;
  return {
    name: CONTAINER.process,
    image: spec.image,
    command: [program],
    args,
    workingDir: WORK,
    env: [
      { name: "ORDER_INPUT", value: `${WORK}/input` },
      { name: "ORDER_OUTPUT", value: `${WORK}/output` },
      { name: "ORDER_PARAMETERS", value: `${WORK}/parameters.json` },
    ],
    ...(spec.resources ? { resources: spec.resources } : {}),
    volumeMounts: [
      { name: WORK_VOLUME, mountPath: WORK, readOnly: true },
      { name: WORK_VOLUME, mountPath: `${WORK}/output`, subPath: "output" },
      { name: TEMPORARY_VOLUME, mountPath: "/tmp" },
    ],
    terminationMessagePolicy: "FallbackToLogsOnError",
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
  };
}

export function runVolumes({ workSpace }: JobConfig): readonly Volume[] {
  const emptyDir = workSpace === undefined ? {} : { sizeLimit: workSpace };
  return [WORK_VOLUME, TEMPORARY_VOLUME].map((name) => ({ name, emptyDir }));
}
