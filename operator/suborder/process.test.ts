/** A sub-order with a process: what its pod looks like, and what is made of each way in which a run can end. */
import { expect, test } from "bun:test";
import type { Process } from "#crds/process.ts";
import type { SubOrder } from "#crds/suborder.ts";
import type { ContainerStatus, Job, Pod } from "#kube/kinds.ts";
import { aSubOrder, aSubOrderRow, NOW } from "#test/support/order-builders.ts";
import type { JobConfig } from "../config.ts";
import { jobFor } from "./job.ts";
import type { RowObserved, SubOrderObserved } from "./observed.ts";
import { plan } from "./plan.ts";

const CONFIG: JobConfig = {
  image: "archive.example/regards-order@sha256:00",
  command: ["regards-order"],
  args: ["worker"],
  env: [{ name: "ORDER_DATABASE_URL", valueFrom: { secretKeyRef: { name: "database", key: "url" } } }],
  envFrom: [{ secretRef: { name: "sources" } }],
  volumes: [{ name: "blobs", persistentVolumeClaim: { claimName: "blobs" } }],
  volumeMounts: [{ name: "blobs", mountPath: "/blobs" }],
  workSpace: "50Gi",
  deadlineSeconds: 3600,
  backoffLimit: 3,
  ttlSeconds: 600,
};
const PROCESS: Process = {
  apiVersion: "order.regards.io/v1alpha1",
  kind: "Process",
  metadata: { name: "crop" },
  spec: {
    image: "archive.example/crop:1",
    command: ["crop", "--out", "/work/output"],
    scope: "SubOrder",
    deadlineSeconds: 60,
    resources: { limits: { memory: "2Gi" } },
  },
};
const RUN = { name: "crop", parameters: {}, scope: "SubOrder" } as const;
const WAITS = { total: 1, pending: 1, available: 0, downloaded: 0, failed: 0 };
const runRow = (over: Partial<RowObserved> = {}): RowObserved => ({
  ...aSubOrderRow({ process: RUN, files: WAITS }),
  ...over,
});

function fresh(): SubOrder {
  const { status: _, ...subOrder } = aSubOrder(aSubOrderRow());
  return subOrder;
}

const JOB = jobFor(fresh(), CONFIG, PROCESS);
const SPEC = JOB.spec.template.spec;

function aJob(conditions: NonNullable<Job["status"]>["conditions"] = []): Job {
  const metadata = { ...JOB.metadata, uid: "uid-job", creationTimestamp: "2026-03-01T11:59:00Z" };
  return { ...JOB, metadata, status: { conditions } };
}

function aPod(status: Pod["status"]): Pod {
  const ownerReferences = [{ apiVersion: "batch/v1", kind: "Job", name: "j", uid: "uid-job", controller: true }];
  return { metadata: { name: "p", ownerReferences }, spec: { containers: [] }, ...(status ? { status } : {}) };
}

type Ended = NonNullable<NonNullable<ContainerStatus["state"]>["terminated"]>;
const ended = (name: string, exitCode: number, over: Partial<Ended> = {}): ContainerStatus => ({
  name,
  state: { terminated: { exitCode, finishedAt: "2026-03-01T11:59:30Z", ...over } },
});
const runs = (name: string, startedAt = "2026-03-01T11:59:30Z"): ContainerStatus => ({
  name,
  state: { running: { startedAt } },
});
const waits = (name: string): ContainerStatus => ({ name, state: { waiting: { reason: "PodInitializing" } } });
const FETCHED = ended("fetch", 0, { finishedAt: "2026-03-01T11:59:10Z" });

function pending(...initContainerStatuses: ContainerStatus[]): Pod {
  return aPod({ phase: "Pending", initContainerStatuses, containerStatuses: [waits("worker")] });
}
function failedPod(...initContainerStatuses: ContainerStatus[]): Pod {
  return aPod({ phase: "Failed", initContainerStatuses, containerStatuses: [waits("worker")] });
}
function failed(message: string, reason = "PodFailurePolicy") {
  return [{ type: "Failed", status: "True" as const, reason, message }];
}

function observed(over: Partial<SubOrderObserved> = {}): SubOrderObserved {
  const named = over.named ? { jobs: [over.named] } : {};
  return { subOrder: fresh(), row: runRow(), jobs: [], pods: [], process: PROCESS, config: CONFIG, ...named, ...over };
}
const running = (...pods: Pod[]) => observed({ named: aJob(), pods });
const over = (message: string, ...pods: Pod[]) => observed({ named: aJob(failed(message)), pods });

const CASES: Record<
  string,
  {
    observed: SubOrderObserved;
    wantActions?: string[];
    want: string;
    wantMessage?: string | RegExp;
    wantAgainMs?: number;
  }
> = {
  "makes the Job of a run": { observed: observed(), wantActions: ["createJob"], want: "WaitingForJob" },
  "makes none when its process is gone, and says so": {
    observed: (({ process: _, ...rest }) => rest)(observed()),
    want: "JobFailed",
    wantMessage: "Process 'crop' is gone",
  },
  "ends a run whose Job the API server would not have": {
    observed: observed({
      refused: "Cannot create jobs 'order-7-1-a1': spec.template.spec.initContainers[1].image: Invalid value",
    }),
    want: "JobFailed",
    wantMessage: /initContainers\[1\].image: Invalid value$/,
  },
  "lets a run go on whose process is gone": {
    observed: (({ process: _, ...rest }) => rest)(running(pending(FETCHED, runs("process")))),
    want: "Running",
    wantMessage: "Process 'crop' runs",
    wantAgainMs: 30_000,
  },
  "sees inputs being fetched": {
    observed: running(pending(runs("fetch"), waits("process"))),
    want: "Running",
    wantMessage: "Fetching what process 'crop' works on",
  },
  "sees a pod that has not begun": {
    observed: running(pending(waits("fetch"), waits("process"))),
    want: "WaitingForPod",
    wantMessage: "Waiting for a pod",
  },
  "sees outputs being stored": {
    observed: running(
      aPod({
        phase: "Running",
        initContainerStatuses: [FETCHED, ended("process", 0)],
        containerStatuses: [runs("worker")],
      }),
    ),
    want: "Running",
    wantMessage: "Storing what process 'crop' gave",
  },
  "says which image of a process cannot be had": {
    observed: running(
      pending(FETCHED, {
        name: "process",
        state: { waiting: { reason: "ImagePullBackOff", message: "no such image" } },
      }),
    ),
    want: "WaitingForPod",
    wantMessage: "ImagePullBackOff: no such image",
  },
  "ends a run that takes too long": {
    observed: running(pending(FETCHED, runs("process", "2026-03-01T11:59:00Z"))),
    want: "JobFailed",
    wantMessage: "Process 'crop' took longer than 60 s",
  },
  "counts a run's time for its program alone": {
    observed: running(pending(runs("fetch", "2026-03-01T09:00:00Z"), waits("process"))),
    want: "Running",
  },
  "ends a run without memory, whose Job would try again": {
    observed: running(failedPod(FETCHED, ended("process", 137, { reason: "OOMKilled" }))),
    want: "JobFailed",
    wantMessage: "Process 'crop' ran out of memory",
  },
  "ends a run that was evicted for what it used itself": {
    observed: running(
      aPod({
        phase: "Failed",
        reason: "Evicted",
        message: 'Usage of EmptyDir volume "work" exceeds the limit "50Gi". ',
      }),
    ),
    want: "JobFailed",
    wantMessage: /^Process 'crop' used more than it may: Usage of EmptyDir volume "work"/,
  },
  "goes on after an eviction that is the node's affair": {
    observed: running(
      aPod({ phase: "Failed", reason: "Evicted", conditions: [{ type: "DisruptionTarget", status: "True" }] }),
    ),
    want: "WaitingForPod",
  },
  "goes on after a pod that was killed from outside": {
    observed: running(failedPod(FETCHED, ended("process", 137)), pending(runs("fetch"), waits("process"))),
    want: "Running",
  },
  "tells the exit code of a process and the end of what it wrote": {
    observed: over(
      "Container process for pod a/b failed with exit code 3 matching FailJob rule at index 2",
      failedPod(FETCHED, ended("process", 3, { message: "reading\n\0no bands in 'a.tif'\n" })),
    ),
    want: "JobFailed",
    wantMessage: "Process 'crop' failed with exit code 3: reading no bands in 'a.tif'",
  },
  "knows the exit code of a process whose pod is gone": {
    observed: over("Container process for pod a/b failed with exit code 3 matching FailJob rule at index 2"),
    want: "JobFailed",
    wantMessage: "Process 'crop' failed with exit code 3",
  },
  "does not take a process's exit code for one of ours": {
    observed: over("x", failedPod(FETCHED, ended("process", 75))),
    want: "JobFailed",
    wantMessage: "Process 'crop' failed with exit code 75",
  },
  "tells of a program that could not be started": {
    observed: over(
      "x",
      failedPod(FETCHED, ended("process", 128, { reason: "StartError", message: "no such file: crop" })),
    ),
    want: "JobFailed",
    wantMessage: "Process 'crop' could not be started: no such file: crop",
  },
  "waits for inputs that are not ready": {
    observed: over("x", failedPod(ended("fetch", 75), waits("process"))),
    want: "NotReady",
    wantMessage: "Inputs of process 'crop' are not ready at their source yet",
  },
  "tells why there was nothing to work on": {
    observed: {
      ...over("x", failedPod(ended("fetch", 78), waits("process"))),
      row: runRow({ files: { ...WAITS, pending: 0, failed: 1 }, message: "No input could be had" }),
    },
    want: "SomeFilesFailed",
    wantMessage: "1 of 1 files could not be had: No input could be had",
  },
  "tells which inputs were missing though there are outputs": {
    observed: observed({
      named: aJob([{ type: "Complete", status: "True" }]),
      row: runRow({ files: { ...WAITS, pending: 0, available: 1 }, message: "1 of 2 inputs was missing" }),
    }),
    want: "AllFilesAvailable",
    wantMessage: "1 of 1 files are there: 1 of 2 inputs was missing",
  },
};

for (const [name, { observed: seen, wantActions = [], want, wantMessage, wantAgainMs }] of Object.entries(CASES)) {
  test(`plan() ${name}`, () => {
    const { actions, status, requeueAfterMs } = plan(seen, NOW);
    expect(actions.map((a) => a.kind)).toEqual(wantActions as (typeof actions)[number]["kind"][]);
    const succeeded = status.conditions?.[0];
    expect(succeeded).toMatchObject({ type: "Succeeded", reason: want });
    if (typeof wantMessage === "string") expect(succeeded?.message).toBe(wantMessage);
    else if (wantMessage) expect(succeeded?.message).toMatch(wantMessage);
    if (wantAgainMs !== undefined) expect(requeueAfterMs).toBe(wantAgainMs);
  });
}

test("P27: plan() removes the Job of a run that took too long once that was told, and makes no other", () => {
  const late = running(pending(FETCHED, runs("process", "2026-03-01T11:00:00Z")));
  const { status, actions } = plan(late, NOW);
  expect(actions).toEqual([]);
  const told = { ...fresh(), status };
  expect(plan({ ...late, subOrder: told }, NOW).actions).toEqual([
    { kind: "deleteJob", name: "order-7-1-a1", uid: "uid-job" },
  ]);
  expect(plan(observed({ subOrder: told }), NOW).actions).toEqual([]);
});

test("jobFor() gives the program of a process its files and nothing of ours", () => {
  const [fetch, process] = SPEC.initContainers ?? [];
  expect([fetch?.name, process?.name, ...SPEC.containers.map(({ name }) => name)]).toEqual([
    "fetch",
    "process",
    "worker",
  ]);
  expect(process).toEqual({
    name: "process",
    image: "archive.example/crop:1",
    command: ["crop"],
    args: ["--out", "/work/output"],
    workingDir: "/work",
    env: [
      { name: "ORDER_INPUT", value: "/work/input" },
      { name: "ORDER_OUTPUT", value: "/work/output" },
      { name: "ORDER_PARAMETERS", value: "/work/parameters.json" },
    ],
    resources: { limits: { memory: "2Gi" } },
    volumeMounts: [
      { name: "work", mountPath: "/work", readOnly: true },
      { name: "work", mountPath: "/work/output", subPath: "output" },
      { name: "process-tmp", mountPath: "/tmp" },
    ],
    terminationMessagePolicy: "FallbackToLogsOnError",
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
  });
  expect(SPEC).toMatchObject({ shareProcessNamespace: false, automountServiceAccountToken: false });
  expect(SPEC.volumes?.map(({ name, emptyDir }) => [name, emptyDir])).toEqual([
    ["tmp", {}],
    ["work", { sizeLimit: "50Gi" }],
    ["process-tmp", { sizeLimit: "50Gi" }],
    ["blobs", undefined],
  ]);
});

test("jobFor() runs our own stages around it, the second only reading what it left", () => {
  const [fetch] = SPEC.initContainers ?? [];
  const [publish] = SPEC.containers;
  const which = ["worker", "--order", "7", "--sub-order", "1", "--attempt", "1"];
  expect(fetch?.args).toEqual([...which, "--stage", "fetch", "--work", "/work"]);
  expect(publish?.args).toEqual([...which, "--stage", "publish", "--work", "/work"]);
  expect(fetch?.volumeMounts?.[1]).toEqual({ name: "work", mountPath: "/work" });
  expect(publish?.volumeMounts?.[1]).toEqual({ name: "work", mountPath: "/work", readOnly: true });
  for (const stage of [fetch, publish]) {
    expect(stage).toMatchObject({ image: CONFIG.image, env: CONFIG.env, envFrom: CONFIG.envFrom });
    expect(stage?.volumeMounts).toContainEqual({ name: "blobs", mountPath: "/blobs" });
  }
});

test("jobFor() judges the containers of a run each by its own codes, and disruptions by none", () => {
  expect(JOB.spec.podFailurePolicy?.rules).toEqual([
    { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
    { action: "FailJob", onExitCodes: { containerName: "fetch", operator: "In", values: [75, 78] } },
    { action: "FailJob", onExitCodes: { containerName: "process", operator: "NotIn", values: [137, 143] } },
    { action: "FailJob", onExitCodes: { containerName: "worker", operator: "In", values: [75, 78] } },
  ]);
  expect(JOB.spec.activeDeadlineSeconds).toBe(3660);
  expect(JOB.metadata.annotations).toEqual({ "order.regards.io/process-deadline-seconds": "60" });
});
