/**
 * One pass over one process: it leaves the baskets in which it may not be run any more, and its status says whether it can be ordered.
 * The status is for people: whoever orders is told by the same question, asked of the spec.
 */
import type { Logger } from "pino";
import { coversDataset, mayUse } from "#catalog/process/check-call.ts";
import { unreadiness } from "#catalog/process/readiness.ts";
import { PROCESS_CONDITION, PROCESS_REASON } from "#crds/conditions.ts";
import type { Process } from "#crds/process.ts";
import type { Cache } from "#kube/cache.ts";
import type { Outcome } from "#kube/controller.ts";
import type { ResourceApi } from "#kube/resource.ts";
import { type AttachedProcess, attachedProcesses, detachProcess } from "#store/baskets.ts";
import type { Db } from "#store/db.ts";
import { conditions } from "../conditions.ts";
import { writeStatus } from "../write-status.ts";

export type ProcessPorts = {
  readonly db: Db;
  readonly processes: { readonly cache: Cache<Process>; readonly api: ResourceApi<Process> };
  readonly now: () => Date;
  readonly logger: Logger;
};

export function processReconciler(ports: ProcessPorts): (name: string) => Promise<Outcome> {
  return async (name) => {
    // What a basket loses does not come back: that there is none is asked of the server itself.
    const process = ports.processes.cache.get(name) ?? (await ports.processes.api.get(name));
    await leaveBaskets(ports, name, process);
    if (process) await writeStatus(ports.processes.api, process, statusOf(process, ports.now()));
    return { kind: "done" };
  };
}

async function leaveBaskets({ db, logger }: ProcessPorts, name: string, process: Process | undefined): Promise<void> {
  const leaving = (await attachedProcesses(db, name)).filter((attached) => !mayStay(process, attached));
  if (leaving.length === 0) return;
  await detachProcess(db, name, leaving);
  logger.info(
    { process: name, datasets: leaving.length },
    "A process has left baskets in which it may not be run any more",
  );
}

/** Of whom only a token is known, the role is looked at when the basket is ordered. */
function mayStay(process: Process | undefined, { role, ...dataset }: AttachedProcess): boolean {
  if (process === undefined || !coversDataset(process, dataset)) return false;
  return role === undefined || mayUse(process, role);
}

function statusOf({ metadata, spec, status }: Process, now: Date): NonNullable<Process["status"]> {
  const { generation = 0 } = metadata;
  const unready = unreadiness(spec);
  const ready = unready
    ? { type: PROCESS_CONDITION.ready, status: "False" as const, ...unready }
    : {
        type: PROCESS_CONDITION.ready,
        status: "True" as const,
        reason: PROCESS_REASON.ready,
        message: "It can be ordered",
      };
  return {
    observedGeneration: generation,
    conditions: conditions(status?.conditions ?? [], [ready], { generation, now }),
  };
}
