/**
 * One pass over one SubOrder: observe, plan, execute, status, events.
 * A Job that is there already although the cache does not show it (made in the pass before, or somebody else's) is looked at live and planned with.
 */
import type { SubOrder } from "#crds/suborder.ts";
import type { Outcome } from "#kube/controller.ts";
import { isAlreadyExists, isConflict, isNotFound } from "#kube/errors.ts";
import type { Job } from "#kube/kinds.ts";
import { latestSeen } from "../latest.ts";
import { writeStatus } from "../write-status.ts";
import { observe } from "./observe.ts";
import type { SubOrderAction, SubOrderPlan } from "./observed.ts";
import { plan } from "./plan.ts";
import type { SubOrderPorts } from "./ports.ts";

export type SubOrderReconciler = (name: string, signal: AbortSignal) => Promise<Outcome>;

export function subOrderReconciler(ports: SubOrderPorts): SubOrderReconciler {
  const latest = latestSeen(ports.subOrders.cache);

  async function tell(subOrder: SubOrder, planned: SubOrderPlan): Promise<Outcome> {
    const written = await writeStatus(ports.subOrders.api, subOrder, planned.status);
    if (written !== undefined) {
      latest.remember(written);
      for (const event of planned.events) await ports.recorder.emit(written, event);
    }
    const { requeueAfterMs: ms } = planned;
    return ms === undefined ? { kind: "done" } : { kind: "requeueAfter", ms };
  }

  return async (name, signal) => {
    const subOrder = latest.get(name);
    if (subOrder === undefined) return { kind: "done" };
    const planned = plan(await observe(ports, subOrder), ports.now());
    let made: Job | undefined;
    for (const action of planned.actions) {
      signal.throwIfAborted();
      made = await execute(ports, action);
    }
    if (made === undefined) return await tell(subOrder, planned);
    return await tell(subOrder, plan(await observe(ports, subOrder, made), ports.now()));
  };
}

/** Carries out one action; the Job made, or the one that has its name. */
async function execute(ports: SubOrderPorts, action: SubOrderAction): Promise<Job | undefined> {
  switch (action.kind) {
    case "createJob":
      return await createJob(ports, action.job);
    case "deleteJob":
      try {
        await ports.jobs.api.delete(action.name, { uid: action.uid, propagation: "Foreground" });
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      }
      return undefined;
    default:
      action satisfies never;
      return undefined;
  }
}

async function createJob({ jobs }: SubOrderPorts, job: Job): Promise<Job | undefined> {
  try {
    return await jobs.api.create(job);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return await jobs.api.get(job.metadata.name);
  }
}
