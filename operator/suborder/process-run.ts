/**
 * What the pods tell of a run beside the Job's own verdict: it took too long, or its node ended it for what it used up. Such a run is over for
 * good: another pod would only do the same again. Pure; the deadline is that of the Job, whatever the Process says by now.
 */
import { CONTAINER, PROCESS_DEADLINE } from "#crds/names.ts";
import type { Job, Pod } from "#kube/kinds.ts";
import { msUntil } from "../order/facts.ts";
import type { Instant } from "./observed.ts";
import { endsOf } from "./pod-ends.ts";

export type RunVerdict = {
  /** Why the run has failed. */
  readonly failed?: string;
  /** When time alone will fail it. */
  readonly againAfterMs?: number;
};

export function judgeRun(
  job: Job,
  o: { readonly name: string; readonly pods: readonly Pod[]; readonly now: Instant },
): RunVerdict {
  const exhausted = o.pods.map((pod) => whatRanOut(pod)).find((what) => what !== undefined);
  if (exhausted !== undefined) return { failed: `Process '${o.name}' ${exhausted}` };
  const seconds = Number(job.metadata.annotations?.[PROCESS_DEADLINE]);
  const began = o.pods.flatMap(startOfProcess).toSorted((a, b) => b - a)[0];
  if (began === undefined || !(seconds > 0)) return {};
  const end = new Date(began + seconds * 1000);
  if (end.getTime() <= o.now.getTime()) return { failed: `Process '${o.name}' took longer than ${seconds} s` };
  return { againAfterMs: msUntil(end, o.now) };
}

/** When the program began that still runs. */
function startOfProcess({ status }: Pod): readonly number[] {
  const running = status?.initContainerStatuses?.find(({ name }) => name === CONTAINER.process)?.state?.running;
  const began = Date.parse(running?.startedAt ?? "");
  return Number.isNaN(began) ? [] : [began];
}

function whatRanOut(pod: Pod): string | undefined {
  const killed = endsOf([pod]).some((end) => end.container === CONTAINER.process && end.reason === "OOMKilled");
  if (killed) return "ran out of memory";
  const { status } = pod;
  const disrupted = status?.conditions?.some((c) => c.type === "DisruptionTarget" && c.status === "True");
  // An eviction that is the node's affair is a disruption; one for the pod's own volumes is not.
  if (status?.reason !== "Evicted" || disrupted) return undefined;
  return `used more than it may: ${status.message ?? "its pod was evicted"}`;
}
