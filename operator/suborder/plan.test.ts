import { expect, test } from "bun:test";
import fc from "fast-check";
import type { SubOrder } from "#crds/suborder.ts";
import type { Job, Pod } from "#kube/kinds.ts";
import { aSubOrder, aSubOrderRow, NOW } from "#test/support/order-builders.ts";
import type { JobConfig } from "../config.ts";
import { jobFor } from "./job.ts";
import type { RowObserved, SubOrderObserved } from "./observed.ts";
import { plan } from "./plan.ts";

const CONFIG: JobConfig = {
  image: "archive.example/regards-order@sha256:00",
  command: ["regards-order"],
  args: ["worker"],
  deadlineSeconds: 3600,
  backoffLimit: 3,
  ttlSeconds: 600,
};
const DONE = { total: 2, pending: 0, available: 2, downloaded: 0, failed: 0 };
const HALF = { total: 2, pending: 0, available: 1, downloaded: 0, failed: 1 };

function fresh(): SubOrder {
  const { status: _, ...subOrder } = aSubOrder(aSubOrderRow());
  return subOrder;
}

function observed(over: Partial<SubOrderObserved> & { row?: RowObserved } = {}): SubOrderObserved {
  const named = over.named ? { jobs: [over.named] } : {};
  return { subOrder: fresh(), row: aSubOrderRow(), jobs: [], pods: [], config: CONFIG, ...named, ...over };
}

/** Our Job as the cluster has it, with its conditions. */
function aJob(conditions: NonNullable<Job["status"]>["conditions"] = [], over: Partial<Job["metadata"]> = {}): Job {
  const job = jobFor(fresh(), CONFIG);
  const metadata = { ...job.metadata, uid: "uid-job", creationTimestamp: "2026-03-01T11:59:00Z", ...over };
  return { ...job, metadata, status: { conditions } };
}

function suspended(job: Job): Job {
  return { ...job, metadata: { ...aJob().metadata, ...job.metadata }, spec: { ...job.spec, suspend: true } };
}

const COMPLETE = [{ type: "Complete", status: "True" as const }];
function failed(reason: string, message: string) {
  return [{ type: "Failed", status: "True" as const, reason, message }];
}

function aPod(status: Pod["status"]): Pod {
  const ownerReferences = [{ apiVersion: "batch/v1", kind: "Job", name: "j", uid: "uid-job", controller: true }];
  return { metadata: { name: "p", ownerReferences }, spec: { containers: [] }, ...(status ? { status } : {}) };
}

function ended(exitCode: number, message?: string): Pod {
  const terminated = { exitCode, ...(message ? { message } : {}) };
  return aPod({ phase: "Failed", containerStatuses: [{ name: "worker", state: { terminated } }] });
}

const CASES: Record<
  string,
  { observed: SubOrderObserved; wantActions?: string[]; want: string; wantMessage?: RegExp }
> = {
  "makes the Job of a running row": { observed: observed(), wantActions: ["createJob"], want: "WaitingForJob" },
  "says why the Job cannot be made, and makes it as soon as it can": {
    observed: observed({ unmade: "Cannot create jobs 'order-7-1-a1': exceeded quota (403)" }),
    wantActions: ["createJob"],
    want: "WaitingForJob",
    wantMessage: /^Cannot create jobs 'order-7-1-a1': exceeded quota \(403\)$/,
  },
  "makes none while its row waits": {
    observed: observed({ row: aSubOrderRow({ state: "Waiting" }) }),
    want: "WaitingForJob",
  },
  "makes none for an attempt that its row has left behind": {
    observed: observed({ row: aSubOrderRow({ attempt: 2 }) }),
    want: "WaitingForJob",
  },
  "makes none when nothing is left to fetch": {
    observed: observed({ row: aSubOrderRow({ files: DONE }) }),
    want: "AllFilesAvailable",
  },
  "makes none while an earlier attempt's Job works, and stops that": {
    observed: observed({ jobs: [aJob([], { name: "order-7-1-a0" })] }),
    wantActions: ["deleteJob"],
    want: "WaitingForJob",
  },
  "leaves a Job alone that is somebody else's and says so": {
    observed: observed({ named: aJob([], { ownerReferences: [] }) }),
    want: "WaitingForJob",
    wantMessage: /belongs to something else/,
  },
  "waits until a deleted Job is gone": {
    observed: observed({ named: aJob([], { deletionTimestamp: NOW.toISOString() }) }),
    want: "WaitingForJob",
  },
  "sees a pod run": {
    observed: observed({ named: aJob(), pods: [aPod({ phase: "Running" })] }),
    want: "Running",
  },
  "says which image cannot be had": {
    observed: observed({
      named: aJob(),
      pods: [
        aPod({
          phase: "Pending",
          containerStatuses: [
            { name: "worker", state: { waiting: { reason: "ImagePullBackOff", message: "no such image" } } },
          ],
        }),
      ],
    }),
    want: "WaitingForPod",
    wantMessage: /ImagePullBackOff: no such image/,
  },
  "says why there is no place for a pod": {
    observed: observed({
      named: aJob(),
      pods: [
        aPod({
          phase: "Pending",
          conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/1 nodes" }],
        }),
      ],
    }),
    want: "WaitingForPod",
    wantMessage: /Unschedulable: 0\/1 nodes/,
  },
  "waits in the queue while somebody else has suspended the Job, whatever its pods still do": {
    observed: observed({
      named: suspended(jobFor(fresh(), { ...CONFIG, queueName: "archive" })),
      pods: [aPod({ phase: "Running" })],
    }),
    want: "WaitingForQueue",
    wantMessage: /Waiting in queue 'archive': 0 of 2 files done/,
  },
  "says so too where it is no queue that has suspended it": {
    observed: observed({ named: suspended(aJob()) }),
    want: "WaitingForQueue",
    wantMessage: /Its Job is suspended/,
  },
  "does not take another Job's pod for its own": {
    observed: observed({
      named: aJob([], { uid: "uid-of-this-one" }),
      pods: [aPod({ phase: "Running" })],
    }),
    want: "WaitingForPod",
  },
  "ends with all files": {
    observed: observed({ named: aJob(COMPLETE), row: aSubOrderRow({ files: DONE }) }),
    want: "AllFilesAvailable",
  },
  "ends with some files": {
    observed: observed({ named: aJob(COMPLETE), row: aSubOrderRow({ files: HALF }) }),
    want: "SomeFilesFailed",
  },
  "believes the files when a Job failed after its work": {
    observed: observed({ named: aJob(failed("DeadlineExceeded", "late")), row: aSubOrderRow({ files: DONE }) }),
    want: "AllFilesAvailable",
  },
  "does not believe a Job that leaves files pending": {
    observed: observed({ named: aJob(COMPLETE) }),
    want: "JobFailed",
    wantMessage: /2 files pending/,
  },
  "takes exit code 75 for a source that is not ready": {
    observed: observed({ named: aJob(failed("PodFailurePolicy", "x")), pods: [ended(75)] }),
    want: "NotReady",
  },
  "reads the exit code from the Job when its pod is gone": {
    observed: observed({
      named: aJob(
        failed(
          "PodFailurePolicy",
          "Container worker for pod a/b failed with exit code 75 matching FailJob rule at index 1",
        ),
      ),
    }),
    want: "NotReady",
  },
  "explains a sub-order that cannot work": {
    observed: observed({ named: aJob(failed("PodFailurePolicy", "x")), pods: [ended(78, "no such order")] }),
    want: "JobFailed",
    wantMessage: /cannot be fetched as it is asked: no such order/,
  },
  "explains by the last error in the worker's log, in words": {
    observed: observed({
      named: aJob(failed("BackoffLimitExceeded", "Job has reached the specified backoff limit")),
      pods: [
        ended(
          1,
          [
            'cut off at the begin"}',
            '{"level":30,"msg":"sub-order begins"}',
            '{"level":50,"msg":"worker failed","err":{"message":"permission denied","stack":"at x"}}',
            '{"level":30,"msg":"bye"}',
          ].join("\n"),
        ),
      ],
    }),
    want: "JobFailed",
    wantMessage: /backoff limit: worker failed: permission denied$/,
  },
  "explains a Job that crashed too often": {
    observed: observed({
      named: aJob(failed("BackoffLimitExceeded", "Job has reached the specified backoff limit")),
      pods: [ended(1)],
    }),
    want: "JobFailed",
    wantMessage: /backoff limit/,
  },
};

for (const [name, { observed: seen, wantActions = [], want, wantMessage }] of Object.entries(CASES)) {
  test(`plan() ${name}`, () => {
    const { actions, status } = plan(seen, NOW);
    expect(actions.map((a) => a.kind)).toEqual(wantActions as (typeof actions)[number]["kind"][]);
    expect(status.conditions?.[0]).toMatchObject({ type: "Succeeded", reason: want });
    if (wantMessage) expect(status.conditions?.[0]?.message).toMatch(wantMessage);
  });
}

test("plan() makes no second Job for an attempt that has ended, though its Job is gone", () => {
  const over = plan(observed({ named: aJob(COMPLETE), row: aSubOrderRow({ files: HALF }) }), NOW);
  const later = plan(observed({ subOrder: { ...fresh(), status: over.status } }), NOW);
  expect(later).toMatchObject({ actions: [], status: over.status, events: [] });
});

test("plan() tells the time that the source asked for", () => {
  const readyAt = new Date("2026-03-01T13:00:00Z");
  const row = { ...aSubOrderRow(), readyAt };
  const { status } = plan(observed({ named: aJob(failed("PodFailurePolicy", "x")), pods: [ended(75)], row }), NOW);
  expect(status).toMatchObject({ notBefore: "2026-03-01T13:00:00Z", attempt: 1, completionTime: expect.any(String) });
});

test("plan() never acts on a Job of another owner, and never throws", () => {
  const uid = fc.constantFrom("uid-7-1", "uid-of-another");
  const jobs = fc.array(fc.record({ uid, attempt: fc.nat(3), finished: fc.boolean(), deleting: fc.boolean() }));
  const seen = fc.record({
    jobs,
    named: fc.option(fc.record({ uid, finished: fc.boolean() })),
    state: fc.constantFrom("Waiting", "Running", "Succeeded", "Failed"),
    attempt: fc.integer({ min: 1, max: 3 }),
    pending: fc.nat(2),
  });
  fc.assert(
    fc.property(seen, (s) => {
      const owned = (owner: string, name: string) =>
        aJob([], {
          name,
          uid: `job-of-${owner}`,
          ownerReferences: [{ apiVersion: "x", kind: "SubOrder", name: "y", uid: owner, controller: true }],
        });
      const { actions } = plan(
        observed({
          row: aSubOrderRow({
            state: s.state as "Running",
            attempt: s.attempt,
            files: { ...DONE, pending: s.pending },
          }),
          jobs: s.jobs.map((j) => owned(j.uid, `order-7-1-a${j.attempt}`)),
          ...(s.named ? { named: owned(s.named.uid, "order-7-1-a1") } : {}),
        }),
        NOW,
      );
      for (const action of actions) {
        if (action.kind === "deleteJob") expect(action.uid).toBe("job-of-uid-7-1");
      }
      expect(actions.filter((a) => a.kind === "createJob").length).toBeLessThanOrEqual(1);
    }),
  );
});

test("jobFor() makes a Job that a restricted namespace admits and that Kubernetes can judge", () => {
  const job = jobFor(fresh(), { ...CONFIG, queueName: "archive" });
  expect(job.metadata).toMatchObject({
    name: "order-7-1-a1",
    labels: { "kueue.x-k8s.io/queue-name": "archive", "app.kubernetes.io/managed-by": "regards-order" },
    ownerReferences: [{ kind: "SubOrder", uid: "uid-7-1", controller: true, blockOwnerDeletion: true }],
  });
  expect(job.spec).toMatchObject({
    backoffLimit: 3,
    activeDeadlineSeconds: 3600,
    ttlSecondsAfterFinished: 600,
    podReplacementPolicy: "Failed",
    podFailurePolicy: {
      rules: [
        { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
        { action: "FailJob", onExitCodes: { containerName: "worker", operator: "In", values: [75, 78] } },
      ],
    },
  });
  expect("suspend" in job.spec).toBe(false);
  const { spec } = job.spec.template;
  expect(spec).toMatchObject({
    restartPolicy: "Never",
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
  });
  expect(spec.containers[0]).toMatchObject({
    args: ["worker", "--order", "7", "--sub-order", "1", "--attempt", "1"],
    resources: { requests: expect.any(Object), limits: expect.any(Object) },
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } },
  });
});
