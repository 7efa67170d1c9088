/**
 * What became of an attempt, from its Job, the Job's pods and the files' counters. Pure.
 * The files are the truth: when none is pending the attempt did its work, whatever the Job says; the Job only explains why some are.
 */
import { SUBORDER_REASON } from "#crds/conditions.ts";
import { CONTAINER, EXIT, LABELS } from "#crds/names.ts";
import type { Job, Pod, StatusCondition } from "#kube/kinds.ts";
import type { Instant, RowObserved } from "./observed.ts";
import { type End, endInMessage, lastEnd, sayingOf } from "./pod-ends.ts";
import { judgeRun } from "./process-run.ts";

export type Outcome = {
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  /** The message counts files: another count is no news. */
  readonly counts?: boolean;
  readonly notBefore?: Instant;
  /** Time alone may change it then. */
  readonly againAfterMs?: number;
  /** No attempt with this number will do more. */
  readonly ended: boolean;
};

/** What the files alone tell, once none of them is pending. */
export function outcomeByFiles(row: RowObserved): Outcome | undefined {
  const { total, pending, failed } = row.files;
  if (pending > 0) return undefined;
  if (failed === 0) {
    const message = told(`${total} of ${total} files are there`, row);
    return { status: "True", reason: SUBORDER_REASON.allFilesAvailable, message, ended: true };
  }
  const message = told(`${failed} of ${total} files could not be had`, row);
  return { status: "False", reason: SUBORDER_REASON.someFilesFailed, message, ended: true };
}

/** With what a run said of itself: inputs that were missing, or why there is nothing. */
function told(counted: string, { process, message }: RowObserved): string {
  return process === undefined || message === undefined ? counted : `${counted}: ${message}`;
}

type Seen = { readonly pods: readonly Pod[]; readonly row: RowObserved; readonly now: Instant };

/** What a Job, ours, has come to. */
export function outcomeOfJob(job: Job, o: Seen): Outcome {
  const complete = conditionOf(job, "Complete");
  const failed = conditionOf(job, "Failed");
  if (complete === undefined && failed === undefined) return judged(job, o) ?? underway(job, o);
  const byFiles = outcomeByFiles(o.row);
  if (byFiles !== undefined) return byFiles;
  if (failed === undefined) return jobFailed(`The Job ended but left ${o.row.files.pending} files pending`);
  const end = lastEnd(o.pods) ?? endInMessage(failed.message);
  // The program of an administrator may end with any code: it means nothing but that it failed.
  if (end?.container === CONTAINER.process && end.exitCode !== 0) return jobFailed(processFailed(end, o.row));
  if (end?.exitCode === EXIT.notReady) return notReady(o.row);
  return jobFailed(explain(failed, end));
}

/** The runtime's code for a program that could not be started at all. */
const CANNOT_START = 128;

function processFailed(end: Pick<End, "container" | "exitCode" | "message">, { process }: RowObserved): string {
  const how = end.exitCode === CANNOT_START ? "could not be started" : `failed with exit code ${end.exitCode}`;
  return [`Process '${process?.name ?? ""}' ${how}`, sayingOf(end)].filter(Boolean).join(": ");
}

function notReady(row: RowObserved): Outcome {
  const message =
    row.process === undefined
      ? `${row.files.pending} of ${row.files.total} files are not ready at their source yet`
      : `Inputs of process '${row.process.name}' are not ready at their source yet`;
  const notBefore = row.readyAt === undefined ? {} : { notBefore: row.readyAt };
  return { status: "Unknown", reason: SUBORDER_REASON.notReady, message, ...notBefore, ended: true };
}

/** A run that is over although its Job does not know it yet, or will be when its time is up. */
function judged(job: Job, o: Seen): Outcome | undefined {
  const { process } = o.row;
  // One that is put back into the queue begins anew.
  if (process === undefined || job.spec.suspend === true) return undefined;
  const { failed, againAfterMs } = judgeRun(job, { ...o, name: process.name });
  if (failed !== undefined) return jobFailed(failed);
  return againAfterMs === undefined ? undefined : { ...underway(job, o), againAfterMs };
}

export function jobFailed(message: string): Outcome {
  return { status: "False", reason: SUBORDER_REASON.jobFailed, message, ended: true };
}

function explain(failed: StatusCondition, end: Pick<End, "container" | "exitCode" | "message"> | undefined): string {
  const why = failed.message ?? failed.reason ?? "no reason given";
  const isUnusable = end?.exitCode === EXIT.unusable;
  const head = isUnusable ? "The sub-order cannot be fetched as it is asked" : `The Job failed: ${why}`;
  return [head, end && sayingOf(end)].filter(Boolean).join(": ");
}

function underway(job: Job, o: Seen): Outcome {
  if (job.spec.suspend === true) return inQueue(job, o.row);
  const running = o.pods.find(isAtWork);
  if (running !== undefined) {
    const message = progress(running, o.row);
    return {
      status: "Unknown",
      reason: SUBORDER_REASON.running,
      message,
      counts: o.row.process === undefined,
      ended: false,
    };
  }
  const stuck = o.pods.map(whyNotRunning).find((why) => why !== undefined);
  const message = stuck ?? "Waiting for a pod";
  return { status: "Unknown", reason: SUBORDER_REASON.waitingForPod, message, ended: false };
}

/** Suspended, and never by us. What is done stays done; the Job's deadline does not run. */
function inQueue({ metadata }: Job, { files }: RowObserved): Outcome {
  const name = metadata.labels?.[LABELS.kueueQueue];
  const where = name === undefined ? "Its Job is suspended" : `Waiting in queue '${name}'`;
  const message = `${where}: ${files.total - files.pending} of ${files.total} files done`;
  return { status: "Unknown", reason: SUBORDER_REASON.waitingForQueue, message, counts: true, ended: false };
}

/** Its first container has begun. A pod counts as Pending while its init containers run. */
function isAtWork({ status }: Pod): boolean {
  // One that has ended well is not waited for: its Job says so in a moment.
  if (status?.phase === "Running" || status?.phase === "Succeeded") return true;
  if (status?.phase !== "Pending") return false;
  return (status.initContainerStatuses ?? []).some(({ state }) => state?.running !== undefined);
}

function progress({ status }: Pod, { files, process }: RowObserved): string {
  if (process === undefined) return `${files.total - files.pending} of ${files.total} files done`;
  if (status?.phase !== "Pending") return `Storing what process '${process.name}' gave`;
  const stage = status?.initContainerStatuses?.find(({ state }) => state?.running !== undefined)?.name;
  return stage === CONTAINER.process
    ? `Process '${process.name}' runs`
    : `Fetching what process '${process.name}' works on`;
}

/** What every container waits for at first. */
const STARTING: readonly string[] = ["ContainerCreating", "PodInitializing"];

/** Why a pod that should run does not: its image, its place. */
function whyNotRunning(pod: Pod): string | undefined {
  if (pod.status?.phase !== "Pending") return undefined;
  const waiting = [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])]
    .map((container) => container.state?.waiting)
    .find((state) => state?.reason !== undefined && !STARTING.includes(state.reason));
  if (waiting !== undefined) return [waiting.reason, waiting.message].filter(Boolean).join(": ");
  const unscheduled = pod.status.conditions?.find((c) => c.type === "PodScheduled" && c.status === "False");
  if (unscheduled === undefined) return undefined;
  return [unscheduled.reason, unscheduled.message].filter(Boolean).join(": ");
}

function conditionOf(job: Job, type: string): StatusCondition | undefined {
  return job.status?.conditions?.find((c) => c.type === type && c.status === "True");
}

export function isFinished(job: Job): boolean {
  return conditionOf(job, "Complete") !== undefined || conditionOf(job, "Failed") !== undefined;
}
