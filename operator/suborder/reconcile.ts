/**
 * One pass over one SubOrder: observe, plan, execute, status, events.
 * A Job that is there already although the cache does not show it (made in the pass before, or somebody else's) is looked at live and planned with.
 */
import { PROCESS_DEADLINE } from "#crds/names.ts";
import type { SubOrder } from "#crds/suborder.ts";
import type { Outcome } from "#kube/controller.ts";
import { isAlreadyExists, isConflict, isInvalid, isNotFound, isUnreachable, KubeError } from "#kube/errors.ts";
import type { Job } from "#kube/kinds.ts";
import { latestSeen } from "../latest.ts";
import { createPace, lookAgain } from "../pace.ts";
import { tellStatus } from "../tell-status.ts";
import { observe } from "./observe.ts";
import type { SubOrderAction, SubOrderPlan } from "./observed.ts";
import { plan } from "./plan.ts";
import type { SubOrderPorts } from "./ports.ts";

export type SubOrderReconciler = (name: string, signal: AbortSignal) => Promise<Outcome>;

export function subOrderReconciler(ports: SubOrderPorts): SubOrderReconciler {
  const latest = latestSeen(ports.subOrders.cache);
  const pace = createPace(ports.now);
  const teller = { api: ports.subOrders.api, latest, pace, recorder: ports.recorder };

  async function tell(subOrder: SubOrder, planned: SubOrderPlan): Promise<Outcome> {
    const waits = await tellStatus(teller, subOrder, planned);
    return lookAgain(planned.requeueAfterMs, waits);
  }

  return async (name, signal) => {
    const subOrder = latest.get(name);
    if (subOrder === undefined) {
      pace.forget(name);
      return { kind: "done" };
    }
    const observed = await observe(ports, subOrder);
    const planned = plan(observed, ports.now());
    let done: Done = {};
    for (const action of planned.actions) {
      signal.throwIfAborted();
      done = await execute(ports, action);
    }
    const { made, unmade, ...news } = done;
    if (unmade !== undefined) {
      await tell(subOrder, plan({ ...observed, unmade: unmade.message }, ports.now()));
      return { kind: "retry", error: unmade };
    }
    if (made === undefined && news.refused === undefined) return await tell(subOrder, planned);
    return await tell(subOrder, plan({ ...(await observe(ports, subOrder, made)), ...news }, ports.now()));
  };
}

/** `made`: the Job made, or the one that has its name; `unmade`: why there is none yet, by an answer that may be another one later. */
type Done = { readonly made?: Job; readonly refused?: string; readonly unmade?: KubeError };

async function execute(ports: SubOrderPorts, action: SubOrderAction): Promise<Done> {
  switch (action.kind) {
    case "createJob":
      return await createJob(ports, action.job);
    case "deleteJob":
      try {
        await ports.jobs.api.delete(action.name, { uid: action.uid, propagation: "Foreground" });
      } catch (error) {
        if (!isNotFound(error) && !isConflict(error)) throw error;
      }
      return {};
    default:
      action satisfies never;
      return {};
  }
}

async function createJob({ jobs }: SubOrderPorts, job: Job): Promise<Done> {
  try {
    return { made: await jobs.api.create(job) };
  } catch (error) {
    // What a Process says may be wrong for one order; what our own configuration says is tried until somebody mends it.
    const isOfProcess = job.metadata.annotations?.[PROCESS_DEADLINE] !== undefined;
    if (isOfProcess && isInvalid(error) && error instanceof Error) return { refused: error.message };
    if (!(error instanceof KubeError) || isUnreachable(error)) throw error;
    if (!isAlreadyExists(error)) return { unmade: error };
    const made = await jobs.api.get(job.metadata.name);
    return made ? { made } : {};
  }
}
