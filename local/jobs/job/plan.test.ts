import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { Job, Pod, PodFailureRule } from "#kube/kinds.ts";
import { after, aJob, aPod, START } from "#test/support/job-builders.ts";
import { planJob } from "./plan.ts";
import { TRACKING_FINALIZER } from "./pods.ts";
import { holds, isOver, statusOf } from "./status.ts";

const POLICY: { rules: readonly PodFailureRule[] } = {
  rules: [
    { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
    { action: "FailJob", onExitCodes: { operator: "In", values: [75, 78] } },
  ],
};
const LOST = { conditions: [{ type: "DisruptionTarget", status: "True" }] as const };

type Want = {
  create?: number;
  remove?: string[];
  release?: string[];
  status?: object;
  again?: number;
  condition?: string;
  absent?: string;
};

describe("planJob()", () => {
  const cases: Record<string, { job: Job; pods?: Pod[]; now?: Date; want: Want }> = {
    "makes the first pod and notes the start": {
      job: aJob(),
      want: { create: 1, status: { startTime: "2026-11-21T12:00:00Z", active: 0 } },
    },
    "makes as many pods as may run": { job: aJob({ parallelism: 3, completions: 5 }), want: { create: 3 } },
    "makes no more pods than are still wanted": {
      job: aJob({ parallelism: 3, completions: 5 }, { status: { succeeded: 4, startTime: START.toISOString() } }),
      want: { create: 1 },
    },
    "leaves a running pod alone": {
      job: aJob(),
      pods: [aPod("a")],
      want: { create: 0, remove: [], status: { active: 1 } },
    },
    "removes pods that are too many": {
      job: aJob({ parallelism: 1, completions: 2 }),
      pods: [aPod("a"), aPod("b")],
      want: { remove: ["b"] },
    },
    "counts a succeeded pod in two steps: first by its UID": {
      job: aJob(),
      pods: [aPod("a", { phase: "Succeeded" })],
      want: {
        release: ["a"],
        condition: "SuccessCriteriaMet",
        status: { succeeded: 0, uncountedTerminatedPods: { succeeded: ["uid-a"] } },
      },
    },
    "counts a succeeded pod in two steps: then as a number": {
      job: aJob({}, { status: { uncountedTerminatedPods: { succeeded: ["uid-a"] } } as Job["status"] & object }),
      pods: [aPod("a", { phase: "Succeeded", tracked: false })],
      want: { create: 0, condition: "Complete", status: { succeeded: 1, uncountedTerminatedPods: {} } },
    },
    "waits longer after each failure": {
      job: aJob({ backoffLimit: 6 }, { status: { failed: 2 } }),
      pods: [
        aPod("a", { phase: "Failed", tracked: false, endedAt: after(0) }),
        aPod("b", { phase: "Failed", tracked: false, endedAt: after(10) }),
      ],
      now: after(15),
      want: { create: 0, again: 15_000 },
    },
    "makes another pod once the wait is over": {
      job: aJob({}, { status: { failed: 1 } }),
      pods: [aPod("a", { phase: "Failed", tracked: false })],
      now: after(10),
      want: { create: 1 },
    },
    "gives up beyond the back-off limit": {
      job: aJob({ backoffLimit: 0 }),
      pods: [aPod("a", { phase: "Failed" })],
      want: { create: 0, release: ["a"], condition: "FailureTarget:BackoffLimitExceeded" },
    },
    "ends a given-up Job when its last pod is counted": {
      job: aJob(
        { backoffLimit: 0 },
        {
          status: {
            conditions: [{ type: "FailureTarget", status: "True", reason: "BackoffLimitExceeded", message: "m" }],
            uncountedTerminatedPods: { failed: ["uid-a"] },
          } as Job["status"] & object,
        },
      ),
      pods: [aPod("a", { phase: "Failed", tracked: false })],
      want: { condition: "Failed:BackoffLimitExceeded", status: { failed: 1 } },
    },
    "fails at once on a reserved exit code, whatever the limit": {
      job: aJob({ backoffLimit: 6, podFailurePolicy: POLICY }),
      pods: [aPod("a", { phase: "Failed", exitCode: 78 })],
      want: { create: 0, condition: "FailureTarget:PodFailurePolicy" },
    },
    "starts a lost pod again at once and does not charge it": {
      job: aJob({ backoffLimit: 0, podFailurePolicy: POLICY }),
      pods: [aPod("a", { phase: "Failed", exitCode: 137, ...LOST })],
      want: { create: 1, release: ["a"], status: { failed: 0, uncountedTerminatedPods: {} } },
    },
    "stops what runs when the deadline has passed": {
      job: aJob({ activeDeadlineSeconds: 60 }, { status: { startTime: START.toISOString() } }),
      pods: [aPod("a")],
      now: after(60),
      want: { remove: ["a"], condition: "FailureTarget:DeadlineExceeded" },
    },
    "looks again at the deadline": {
      job: aJob({ activeDeadlineSeconds: 60 }, { status: { startTime: START.toISOString() } }),
      pods: [aPod("a")],
      now: after(20),
      want: { again: 40_000 },
    },
    "stops its pods and its clock while it is suspended": {
      job: aJob({ suspend: true, activeDeadlineSeconds: 60 }, { status: { startTime: START.toISOString() } }),
      pods: [aPod("a")],
      now: after(3600),
      want: { create: 0, remove: ["a"], condition: "Suspended:JobSuspended", absent: "startTime" },
    },
    "does not charge a pod that the suspension stopped": {
      job: aJob({ suspend: true, backoffLimit: 0 }),
      pods: [aPod("a", { phase: "Failed", deleting: true })],
      want: { release: ["a"], status: { uncountedTerminatedPods: {} } },
    },
    "starts its clock anew when it goes on": {
      job: aJob(
        { suspend: false },
        { status: { conditions: [{ type: "Suspended", status: "True", reason: "JobSuspended" }] } },
      ),
      now: after(100),
      want: { create: 1, status: { startTime: "2026-11-21T12:01:40Z" } },
    },
    "waits for the end of a pod that is being deleted": {
      job: aJob({ podReplacementPolicy: "Failed" }),
      pods: [aPod("a", { deleting: true })],
      want: { create: 0, status: { terminating: 1, active: 0 } },
    },
    "replaces a pod that is being deleted when told so": {
      job: aJob({ podReplacementPolicy: "TerminatingOrFailed" }),
      pods: [aPod("a", { deleting: true, phase: "Running" })],
      now: after(60),
      want: { create: 1 },
    },
    "lets go of its pods when it is deleted": {
      job: aJob({}, { metadata: { ...aJob().metadata, deletionTimestamp: START.toISOString() } }),
      pods: [aPod("a"), aPod("b", { phase: "Failed" })],
      want: { create: 0, remove: [], release: ["a", "b"] },
    },
    "says that it cannot run indexed Jobs": {
      job: aJob({ completionMode: "Indexed" }),
      want: { create: 0, condition: "FailureTarget:CompletionModeNotSupported" },
    },
    "is complete without a number of completions when one pod succeeded and none runs": {
      job: aJob({ completions: undefined as never }),
      pods: [aPod("a", { phase: "Succeeded" })],
      want: { create: 0, condition: "SuccessCriteriaMet" },
    },
  };
  for (const [name, { job, pods = [], now = START, want }] of Object.entries(cases)) {
    test(`planJob() ${name}`, () => {
      const plan = planJob(job, pods, { now });
      const names = (list: readonly Pod[]) => list.map((pod) => pod.metadata.name);
      if (want.create !== undefined) expect(plan.create).toBe(want.create);
      if (want.remove) expect(names(plan.remove)).toEqual(want.remove);
      if (want.release) expect(names(plan.release)).toEqual(want.release);
      if (want.status) expect(plan.status).toMatchObject(want.status);
      if (want.absent) expect(plan.status).not.toHaveProperty(want.absent);
      if (want.again !== undefined) expect(plan.againAfterMs).toBe(want.again);
      if (want.condition) {
        const [type = "", reason] = want.condition.split(":");
        expect(holds(plan.status, type)).toMatchObject(reason ? { reason } : { status: "True" });
      }
    });
  }
});

/** A tiny world that carries out plans and ends pods as it is told; the properties hold whatever happens in it. */
class World {
  job: Job;
  pods: Pod[] = [];
  started = 0;
  seconds = 0;
  charged = 0;
  succeeded = 0;

  constructor(job: Job) {
    this.job = job;
  }

  /** One pass of the controller; `crashAfter` cuts it after so many writes. */
  pass(crashAfter = Number.POSITIVE_INFINITY): boolean {
    const plan = planJob(this.job, this.pods, { now: after(this.seconds), backoff: { baseMs: 1000, maxMs: 8000 } });
    let writes = 0;
    let changed = false;
    const write = (act: () => void) => {
      if (writes++ >= crashAfter) return;
      changed = true;
      act();
    };
    if (!Bun.deepEquals(JSON.parse(JSON.stringify(plan.status)), JSON.parse(JSON.stringify(statusOf(this.job))))) {
      write(() => (this.job = { ...this.job, status: plan.status }));
    }
    for (const pod of plan.release) write(() => this.#edit(pod, (meta) => ({ ...meta, finalizers: [] })));
    for (const pod of plan.remove) {
      write(() => this.#edit(pod, (meta) => ({ ...meta, deletionTimestamp: after(this.seconds).toISOString() })));
    }
    for (let i = 0; i < plan.create; i++) {
      write(() => this.pods.push(aPod(`p${this.started}`, { uid: `u${this.started++}`, phase: "Pending" })));
    }
    return changed;
  }

  settle() {
    for (let i = 0; i < 50 && this.pass(); i++);
  }

  end(index: number, how: "Succeeded" | "Failed" | "lost") {
    const open = this.pods.filter((pod) => !["Succeeded", "Failed"].includes(pod.status?.phase ?? ""));
    const pod = open[index % Math.max(open.length, 1)];
    if (!pod) return;
    if (how === "Succeeded") this.succeeded++;
    if (how === "Failed") this.charged++;
    const done = aPod(pod.metadata.name, {
      phase: how === "Succeeded" ? "Succeeded" : "Failed",
      endedAt: after(this.seconds),
      ...(how === "lost" ? LOST : {}),
    });
    this.pods = this.pods.map((other) => (other === pod ? { ...pod, status: done.status! } : other));
  }

  #edit(pod: Pod, change: (metadata: Pod["metadata"]) => Pod["metadata"]) {
    this.pods = this.pods.map((other) =>
      other.metadata.uid === pod.metadata.uid ? { ...other, metadata: change(other.metadata) } : other,
    );
  }
}

const step = fc.oneof(
  fc.record({
    kind: fc.constant("end" as const),
    index: fc.nat(3),
    how: fc.constantFrom("Succeeded" as const, "Failed" as const, "lost" as const),
  }),
  fc.record({ kind: fc.constant("pass" as const), crashAfter: fc.nat(4) }),
  fc.record({ kind: fc.constant("time" as const), seconds: fc.integer({ min: 0, max: 20 }) }),
  fc.record({ kind: fc.constant("suspend" as const), suspend: fc.boolean() }),
);
const jobs = fc.record({
  parallelism: fc.integer({ min: 0, max: 3 }),
  completions: fc.integer({ min: 1, max: 3 }),
  backoffLimit: fc.integer({ min: 0, max: 3 }),
});

describe("planJob() in any course of events", () => {
  test("planJob() counts every pod exactly once, wherever the controller crashes", () => {
    fc.assert(
      fc.property(jobs, fc.array(step, { maxLength: 25 }), (spec, steps) => {
        const world = new World(aJob({ ...spec, podFailurePolicy: POLICY }));
        for (const s of steps) {
          if (s.kind === "end" && world.job.spec.suspend !== true) world.end(s.index, s.how);
          if (s.kind === "pass") world.pass(s.crashAfter);
          if (s.kind === "time") world.seconds += s.seconds;
          if (s.kind === "suspend") world.job = { ...world.job, spec: { ...world.job.spec, suspend: s.suspend } };
          const open = world.pods.filter((pod) => !["Succeeded", "Failed"].includes(pod.status?.phase ?? ""));
          expect(open.length).toBeLessThanOrEqual(Math.min(spec.parallelism, spec.completions));
        }
        world.settle();
        const status = statusOf(world.job);
        if (isOver(status)) return;
        expect(status.succeeded ?? 0).toBeLessThanOrEqual(world.succeeded);
        expect(status.uncountedTerminatedPods ?? {}).toEqual({});
        expect(status.succeeded ?? 0).toBe(world.succeeded);
        expect(status.failed ?? 0).toBeLessThanOrEqual(world.charged);
      }),
      { numRuns: 300 },
    );
  });

  test("planJob() is idempotent: a world that it has arranged gives nothing more to do", () => {
    fc.assert(
      fc.property(jobs, fc.array(step, { maxLength: 15 }), (spec, steps) => {
        const world = new World(aJob(spec));
        world.settle();
        for (const s of steps) {
          if (s.kind === "end") world.end(s.index, s.how);
          if (s.kind === "time") world.seconds += s.seconds;
          world.settle();
        }
        const plan = planJob(world.job, world.pods, {
          now: after(world.seconds),
          backoff: { baseMs: 1000, maxMs: 8000 },
        });
        expect(plan).toMatchObject({ create: 0, remove: [], release: [], news: [] });
      }),
      { numRuns: 200 },
    );
  });

  test("planJob() brings every Job to its end once all pods end", () => {
    fc.assert(
      fc.property(jobs, fc.boolean(), (spec, succeed) => {
        const world = new World(aJob({ ...spec, parallelism: Math.max(spec.parallelism, 1) }));
        for (let i = 0; i < 30 && !isOver(statusOf(world.job)); i++) {
          world.settle();
          world.end(0, succeed ? "Succeeded" : "Failed");
          world.seconds += 20;
        }
        const status = statusOf(world.job);
        expect(holds(status, succeed ? "Complete" : "Failed")).toBeDefined();
        if (succeed) expect(status.succeeded).toBe(spec.completions);
        else expect(status.failed).toBeGreaterThan(spec.backoffLimit);
        expect(world.pods.filter((pod) => pod.metadata.finalizers?.includes(TRACKING_FINALIZER))).toEqual([]);
      }),
    );
  });
});
