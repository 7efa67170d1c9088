/**
 * One SubOrder's next step, as a pure function: one Job for the attempt in its spec, then what became of it.
 * An attempt that has ended stays ended: its Job may be gone by time to live, and a new one would be a second run. A Job that works on although
 * its attempt has ended (its process took too long) is removed after that was told: so no crash between can start it anew.
 */
import { SUBORDER_CONDITION, SUBORDER_REASON } from "#crds/conditions.ts";
import type { Condition, ObjectMeta } from "#crds/meta.ts";
import { jobName } from "#crds/names.ts";
import type { SubOrder, SubOrderStatus } from "#crds/suborder.ts";
import { conditionOf, conditions, wholeSeconds } from "../conditions.ts";
import { attemptEnd, isDeleting, isOwnedBy } from "../order/facts.ts";
import { jobFor } from "./job.ts";
import type { Instant, SubOrderAction, SubOrderEvent, SubOrderObserved, SubOrderPlan } from "./observed.ts";
import { isFinished, jobFailed, type Outcome, outcomeByFiles, outcomeOfJob } from "./outcome.ts";

/** What is found out in one pass: how the attempt stands, and what to do. */
type Finding = {
  readonly outcome: Outcome;
  readonly actions?: readonly SubOrderAction[];
  readonly requeueAfterMs?: number;
};

/** An attempt that has just begun says something else a moment later. */
const SETTLE_MS = 5_000;
/** How far an attempt is that goes on as it should is for people. */
const PROGRESS_MS = 60_000;
/** Objects without our labels are not watched: what stands in the way is looked at again after this time. */
const FOREIGN_MS = 3000;

/** Decides what to do next about one SubOrder. */
export function plan(observed: SubOrderObserved, now: Instant): SubOrderPlan {
  const { subOrder } = observed;
  const same = { status: subOrder.status ?? {}, patienceMs: 0, events: [] };
  if (isDeleting(subOrder)) return { ...same, actions: [] };
  if (attemptEnd(subOrder) !== undefined) return { ...same, actions: leftovers(observed) };
  const { outcome, actions = [], requeueAfterMs } = find(observed, now);
  const said = saidOf(subOrder);
  return {
    actions,
    status: statusOf(observed, { outcome, now }),
    patienceMs: outcome.ended ? 0 : patience(outcome, said),
    events: events(outcome, said),
    ...(requeueAfterMs === undefined ? {} : { requeueAfterMs }),
  };
}

/** The Job of the attempt that has ended, if it works on. */
function leftovers({ subOrder, named }: SubOrderObserved): readonly SubOrderAction[] {
  if (named === undefined || !isOwnedBy(named, subOrder.metadata.uid)) return [];
  return isFinished(named) || isDeleting(named) ? [] : [remove(named)];
}

function find(observed: SubOrderObserved, now: Instant): Finding {
  const { subOrder, row, named, pods } = observed;
  if (row === undefined) return waiting("Its files are not known any more");
  if (named !== undefined && !isOwnedBy(named, subOrder.metadata.uid)) {
    const message = `Job '${named.metadata.name}' belongs to something else and is left alone`;
    return { ...waiting(message), requeueAfterMs: FOREIGN_MS };
  }
  if (named !== undefined) {
    const mine = pods.filter((pod) => isOwnedBy(pod, named.metadata.uid));
    if (isDeleting(named) && !isFinished(named)) return waiting("Waiting for the deleted Job to be gone");
    const outcome = outcomeOfJob(named, { pods: mine, row, now });
    const { againAfterMs } = outcome;
    return { outcome, ...(againAfterMs === undefined ? {} : { requeueAfterMs: againAfterMs }) };
  }
  return withoutJob(observed);
}

/** No Job of this attempt: made when its row runs this very attempt and no earlier Job works on the same files. */
function withoutJob({ subOrder, row, jobs, config, process, refused, unmade }: SubOrderObserved): Finding {
  if (row === undefined || row.state !== "Running" || row.attempt !== subOrder.spec.attempt) {
    return waiting("Waiting for its turn");
  }
  const byFiles = outcomeByFiles(row);
  if (byFiles !== undefined) return { outcome: byFiles };
  const own = jobName(subOrder.metadata.name, subOrder.spec.attempt);
  const rivals = jobs.filter(
    (job) => isOwnedBy(job, subOrder.metadata.uid) && job.metadata.name !== own && !isFinished(job),
  );
  if (rivals.length > 0) {
    const actions = rivals.filter((job) => !isDeleting(job)).map(remove);
    return { ...waiting("Waiting for the Job of an earlier attempt to stop"), actions };
  }
  if (row.process !== undefined && process === undefined) {
    return { outcome: jobFailed(`Process '${row.process.name}' is gone`) };
  }
  if (refused !== undefined) return { outcome: jobFailed(refused) };
  const job = jobFor(subOrder, config, process);
  return { ...waiting(unmade ?? "Making the Job"), actions: [{ kind: "createJob", job }] };
}

function waiting(message: string): Finding {
  return { outcome: { status: "Unknown", reason: SUBORDER_REASON.waitingForJob, message, ended: false } };
}

function statusOf(o: SubOrderObserved, { outcome, now }: { outcome: Outcome; now: Instant }): SubOrderStatus {
  const { subOrder, row, named } = o;
  const generation = subOrder.metadata.generation ?? 0;
  const same = subOrder.status?.attempt === subOrder.spec.attempt ? subOrder.status : undefined;
  const ours = named !== undefined && isOwnedBy(named, subOrder.metadata.uid) ? named : undefined;
  const startTime = ours?.metadata.creationTimestamp ?? same?.startTime;
  const { status, reason, message } = outcome;
  const succeeded = { type: SUBORDER_CONDITION.succeeded, status, reason, message };
  return {
    observedGeneration: generation,
    conditions: conditions(subOrder.status?.conditions ?? [], [succeeded], { generation, now }),
    jobName: jobName(subOrder.metadata.name, subOrder.spec.attempt),
    attempt: subOrder.spec.attempt,
    ...(row ? { files: row.files } : {}),
    ...(outcome.notBefore ? { notBefore: wholeSeconds(outcome.notBefore) } : {}),
    ...(startTime ? { startTime } : {}),
    ...(outcome.ended ? { completionTime: ours?.status?.completionTime ?? wholeSeconds(now) } : {}),
  };
}

/** What was told of this attempt last. */
function saidOf({ spec, status }: SubOrder): Condition | undefined {
  return status?.attempt === spec.attempt ? conditionOf(status.conditions, SUBORDER_CONDITION.succeeded) : undefined;
}

/** Thousands go on at the same time: of one that has nothing new to say but how many files it has, a word now and then is enough. */
function patience({ reason, message, counts }: Outcome, said: Condition | undefined): number {
  if (said === undefined) return SETTLE_MS;
  return said.reason === reason && (counts || said.message === message) ? PROGRESS_MS : 0;
}

const BAD: readonly string[] = [SUBORDER_REASON.someFilesFailed, SUBORDER_REASON.jobFailed];

/** One for an attempt that did not go as it should, or that the cluster keeps waiting. What goes well the condition says, and the events of Job and pod. */
function events({ reason, message, ended }: Outcome, said: Condition | undefined): SubOrderEvent[] {
  const isQueued = reason === SUBORDER_REASON.waitingForQueue && said?.reason !== reason;
  const isBadEnd = ended && reason !== SUBORDER_REASON.allFilesAvailable;
  if (!isQueued && !isBadEnd) return [];
  return [{ type: BAD.includes(reason) ? "Warning" : "Normal", reason, action: "Fetch", note: message }];
}

function remove({ metadata }: { readonly metadata: ObjectMeta }): SubOrderAction {
  return { kind: "deleteJob", name: metadata.name, uid: metadata.uid ?? "" };
}
