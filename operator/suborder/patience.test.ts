/** How soon a sub-order says what, and which events of the cluster it is looked at for. */
import { expect, test } from "bun:test";
import type { SubOrder } from "#crds/suborder.ts";
import type { Job, Pod } from "#kube/kinds.ts";
import { aSubOrder, aSubOrderRow, NOW } from "#test/support/order-builders.ts";
import type { JobConfig } from "../config.ts";
import { jobFor } from "./job.ts";
import { newsOfJob, newsOfPod } from "./news.ts";
import { plan } from "./plan.ts";

const config: JobConfig = { image: "i", args: ["worker"], deadlineSeconds: 3600, backoffLimit: 3, ttlSeconds: 600 };
const DONE = { total: 2, pending: 0, available: 2, downloaded: 0, failed: 0 };
const HALF = { total: 2, pending: 0, available: 1, downloaded: 0, failed: 1 };
const NEWBORN = { ...aSubOrder(aSubOrderRow()), status: {} };

function aJob(conditions: NonNullable<Job["status"]>["conditions"] = []): Job {
  const job = jobFor(NEWBORN, config);
  return { ...job, metadata: { ...job.metadata, uid: "uid-job" }, status: { conditions } };
}

function aPod(status: NonNullable<Pod["status"]>): Pod {
  const ownerReferences = [{ apiVersion: "batch/v1", kind: "Job", name: "j", uid: "uid-job", controller: true }];
  return { metadata: { name: "p", ownerReferences }, spec: { containers: [] }, status };
}

const WAITS = aPod({ phase: "Pending" });
const RUNS = aPod({ phase: "Running" });
const HAS_ENDED = aPod({ phase: "Succeeded" });
const HAS_NO_PLACE = aPod({
  phase: "Pending",
  conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/1 nodes" }],
});

function planned(pod: Pod, o: { subOrder?: SubOrder; job?: Job; files?: typeof DONE } = {}) {
  const { subOrder = NEWBORN, job = aJob() } = o;
  const row = aSubOrderRow(o.files ? { files: o.files } : {});
  return plan({ subOrder, row, jobs: [job], named: job, pods: [pod], config }, NOW);
}

/** The sub-order as it is after that was told. */
function afterwards(pod: Pod): SubOrder {
  return { ...NEWBORN, status: planned(pod).status };
}

test("plan() lets a young attempt wait with its first word, and one that goes on with how far it is", () => {
  expect(planned(WAITS).patienceMs).toBe(5_000);
  expect(planned(RUNS).patienceMs).toBe(5_000);
  const files = { ...DONE, pending: 1, available: 1 };
  expect(planned(RUNS, { subOrder: afterwards(RUNS), files }).patienceMs).toBe(60_000);
});

test("plan() tells at once what is new: that it runs, that it is stuck, that it is over", () => {
  expect(planned(RUNS, { subOrder: afterwards(WAITS) }).patienceMs).toBe(0);
  expect(planned(HAS_NO_PLACE, { subOrder: afterwards(WAITS) }).patienceMs).toBe(0);
  const job = aJob([{ type: "Complete", status: "True" }]);
  expect(planned(HAS_ENDED, { job, files: DONE }).patienceMs).toBe(0);
});

test("plan() does not say that an attempt waits for a pod when its pod has ended well and its Job does not say so yet", () => {
  const subOrder = afterwards(RUNS);
  expect(planned(HAS_ENDED, { subOrder }).status.conditions).toEqual(subOrder.status?.conditions);
});

test("plan() has an event only for an attempt that did not go as it should", () => {
  expect(planned(RUNS).events).toEqual([]);
  const job = aJob([{ type: "Complete", status: "True" }]);
  expect(planned(HAS_ENDED, { job, files: DONE }).events).toEqual([]);
  expect(planned(HAS_ENDED, { job, files: HALF }).events).toMatchObject([
    { type: "Warning", reason: "SomeFilesFailed" },
  ]);
});

test("newsOfJob() and newsOfPod() are the same while only counts change, and differ when it comes to something", () => {
  const job = aJob();
  const counted = {
    ...job,
    metadata: { ...job.metadata, resourceVersion: "2" },
    status: { ...job.status, active: 1, ready: 1 },
  };
  expect(newsOfJob(counted)).toEqual(newsOfJob(job));
  expect(newsOfJob(aJob([{ type: "Complete", status: "True" }]))).not.toEqual(newsOfJob(job));
  expect(newsOfJob({ ...job, spec: { ...job.spec, suspend: true } })).not.toEqual(newsOfJob(job));
  expect(newsOfPod(aPod({ phase: "Pending", startTime: "2026-03-01T12:00:00Z" }))).toEqual(newsOfPod(WAITS));
  for (const other of [RUNS, HAS_ENDED, HAS_NO_PLACE]) expect(newsOfPod(other)).not.toEqual(newsOfPod(WAITS));
});
