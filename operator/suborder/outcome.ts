/**
 * What became of an attempt, from its Job, the Job's pods and the files' counters. Pure.
 * The files are the truth: when none is pending the attempt did its work, whatever the Job says; the Job only explains why some are.
 */
import { SUBORDER_REASON } from "#crds/conditions.ts";
import { EXIT } from "#crds/names.ts";
import type { Job, Pod, StatusCondition } from "#kube/kinds.ts";
import type { Instant, RowObserved } from "./observed.ts";

/** pino's. */
const ERROR_LEVEL = 50;

export type Outcome = {
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly notBefore?: Instant;
  /** No attempt with this number will do more. */
  readonly ended: boolean;
};

/** What the files alone tell, once none of them is pending. */
export function outcomeByFiles(row: RowObserved): Outcome | undefined {
  const { total, pending, failed } = row.files;
  if (pending > 0) return undefined;
  if (failed === 0) {
    const message = `${total} of ${total} files are there`;
    return { status: "True", reason: SUBORDER_REASON.allFilesAvailable, message, ended: true };
  }
  const message = `${failed} of ${total} files could not be had`;
  return { status: "False", reason: SUBORDER_REASON.someFilesFailed, message, ended: true };
}

/** What a Job, ours, has come to. */
export function outcomeOfJob(job: Job, o: { readonly pods: readonly Pod[]; readonly row: RowObserved }): Outcome {
  const complete = conditionOf(job, "Complete");
  const failed = conditionOf(job, "Failed");
  if (complete === undefined && failed === undefined) return underway(job, o);
  const byFiles = outcomeByFiles(o.row);
  if (byFiles !== undefined) return byFiles;
  if (failed === undefined) return jobFailed(`The Job ended but left ${o.row.files.pending} files pending`);
  const code = exitCode(o.pods) ?? codeInMessage(failed.message);
  if (code === EXIT.notReady) return notReady(o.row);
  return jobFailed(explain(failed, { code, pods: o.pods }));
}

function notReady(row: RowObserved): Outcome {
  const message = `${row.files.pending} of ${row.files.total} files are not ready at their source yet`;
  const notBefore = row.readyAt === undefined ? {} : { notBefore: row.readyAt };
  return { status: "Unknown", reason: SUBORDER_REASON.notReady, message, ...notBefore, ended: true };
}

function jobFailed(message: string): Outcome {
  return { status: "False", reason: SUBORDER_REASON.jobFailed, message, ended: true };
}

function explain(failed: StatusCondition, o: { code: number | undefined; pods: readonly Pod[] }): string {
  const said = terminationMessage(o.pods);
  const why = failed.message ?? failed.reason ?? "no reason given";
  const head = o.code === EXIT.unusable ? "The sub-order cannot be fetched as it is asked" : `The Job failed: ${why}`;
  return said === undefined ? head : `${head}: ${said}`;
}

function underway(job: Job, o: { readonly pods: readonly Pod[]; readonly row: RowObserved }): Outcome {
  const { total, pending } = o.row.files;
  const progress = `${total - pending} of ${total} files done`;
  if (o.pods.some((pod) => pod.status?.phase === "Running")) {
    return { status: "Unknown", reason: SUBORDER_REASON.running, message: progress, ended: false };
  }
  const stuck = o.pods.map(whyNotRunning).find((why) => why !== undefined);
  const queued = job.spec.suspend === true ? "Waiting for quota" : "Waiting for a pod";
  return { status: "Unknown", reason: SUBORDER_REASON.waitingForPod, message: stuck ?? queued, ended: false };
}

/** Why a pod that should run does not: its image, its place. */
function whyNotRunning(pod: Pod): string | undefined {
  if (pod.status?.phase !== "Pending") return undefined;
  const waiting = [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])]
    .map((container) => container.state?.waiting)
    .find((state) => state?.reason !== undefined && state.reason !== "ContainerCreating");
  if (waiting !== undefined) return [waiting.reason, waiting.message].filter(Boolean).join(": ");
  const unscheduled = pod.status.conditions?.find((c) => c.type === "PodScheduled" && c.status === "False");
  if (unscheduled === undefined) return undefined;
  return [unscheduled.reason, unscheduled.message].filter(Boolean).join(": ");
}

/** The exit code of the pod that ended last. */
function exitCode(pods: readonly Pod[]): number | undefined {
  return lastEnd(pods)?.exitCode;
}

function terminationMessage(pods: readonly Pod[]): string | undefined {
  const said = lastEnd(pods)?.message?.trim();
  return said ? plainly(said) : undefined;
}

/** The message is the end of the worker's log, whose lines are JSON: of those the last that tells of an error, in words. */
function plainly(log: string): string {
  const lines = log.split("\n").flatMap(spoken);
  const line = lines.findLast(({ level }) => level >= ERROR_LEVEL) ?? lines.at(-1);
  return line === undefined ? log : [line.message, line.cause].filter(Boolean).join(": ");
}

type Spoken = { readonly level: number; readonly message: string; readonly cause?: string };

/** What a line says; nothing where it is none of the log's, or is cut. */
function spoken(line: string): readonly Spoken[] {
  try {
    const { level, msg, err } = JSON.parse(line) as { level?: unknown; msg?: unknown; err?: { message?: unknown } };
    if (typeof level !== "number" || typeof msg !== "string") return [];
    return [{ level, message: msg, ...(typeof err?.message === "string" && { cause: err.message }) }];
  } catch {
    return [];
  }
}

function lastEnd(pods: readonly Pod[]) {
  return pods
    .flatMap((pod) => pod.status?.containerStatuses ?? [])
    .flatMap((container) => container.state?.terminated ?? [])
    .toSorted((a, b) => (a.finishedAt ?? "").localeCompare(b.finishedAt ?? ""))
    .at(-1);
}

/** The pod may be gone by the time that we look: the Job's condition then still names the code that its rule matched. */
function codeInMessage(message: string | undefined): number | undefined {
  const code = message?.match(/failed with exit code (\d+)/)?.[1];
  return code === undefined ? undefined : Number(code);
}

function conditionOf(job: Job, type: string): StatusCondition | undefined {
  return job.status?.conditions?.find((c) => c.type === type && c.status === "True");
}

export function isFinished(job: Job): boolean {
  return conditionOf(job, "Complete") !== undefined || conditionOf(job, "Failed") !== undefined;
}
