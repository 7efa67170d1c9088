/**
 * One SubOrder's next step, as a pure function: one Job for the attempt in its spec, then what became of it.
 * An attempt that has ended stays ended: its Job may be gone by time to live, and a new one would be a second run. A Job that works on although
 * its attempt has ended (its process took too long) is removed after that was told: so no crash between can start it anew.
 */
import { SUBORDER_CONDITION, SUBORDER_REASON } from "#crds/conditions.ts";
import type { ObjectMeta } from "#crds/meta.ts";
import { jobName } from "#crds/names.ts";
import type { SubOrder, SubOrderStatus } from "#crds/suborder.ts";
import { conditionOf, conditions, wholeSeconds } from "../conditions.ts";
import { attemptEnd, isOwnedBy } from "../order/facts.ts";
import { jobFor } from "./job.ts";
import type { Instant, SubOrderAction, SubOrderEvent, SubOrderObserved, SubOrderPlan } from "./observed.ts";
import { isFinished, jobFailed, type Outcome, outcomeByFiles, outcomeOfJob } from "./outcome.ts";

/** What is found out in one pass: how the attempt stands, and what to do. */
type Finding = {
  readonly outcome: Outcome;
  readonly actions?: readonly SubOrderAction[];
  readonly requeueAfterMs?: number;
};

/** Objects without our labels are not watched: what stands in the way is looked at again after this time. */
const FOREIGN_MS = 3000;

/** Decides what to do next about one SubOrder. */
export function plan(observed: SubOrderObserved, now: Instant): SubOrderPlan {
  const { subOrder } = observed;
  const status = subOrder.status ?? {};
  if (subOrder.metadata.deletionTimestamp !== undefined) return { actions: [], status, events: [] };
  if (attemptEnd(subOrder) !== undefined) return { actions: leftovers(observed), status, events: [] };
  const { outcome, actions = [], requeueAfterMs } = find(observed, now);
  const next = statusOf(observed, { outcome, now });
  return {
    actions,
    status: next,
    events: events(subOrder, next),
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
function withoutJob({ subOrder, row, jobs, config, process, refused }: SubOrderObserved): Finding {
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
  return { ...waiting("Making the Job"), actions: [{ kind: "createJob", job: jobFor(subOrder, config, process) }] };
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

const BAD: readonly string[] = [SUBORDER_REASON.someFilesFailed, SUBORDER_REASON.jobFailed];

/** One event when an attempt ends, and one when it cannot start. */
function events(subOrder: SubOrder, status: SubOrderStatus): SubOrderEvent[] {
  const was = conditionOf(subOrder.status?.conditions, SUBORDER_CONDITION.succeeded);
  const is = conditionOf(status.conditions, SUBORDER_CONDITION.succeeded);
  if (is === undefined || (was?.reason === is.reason && subOrder.status?.attempt === status.attempt)) return [];
  if (is.reason === SUBORDER_REASON.waitingForJob || is.reason === SUBORDER_REASON.waitingForPod) return [];
  const type = BAD.includes(is.reason) ? "Warning" : "Normal";
  return [{ type, reason: is.reason, action: "Fetch", note: is.message }];
}

function remove({ metadata }: { readonly metadata: ObjectMeta }): SubOrderAction {
  return { kind: "deleteJob", name: metadata.name, uid: metadata.uid ?? "" };
}

function isDeleting({ metadata }: { readonly metadata: ObjectMeta }): boolean {
  return metadata.deletionTimestamp !== undefined;
}
