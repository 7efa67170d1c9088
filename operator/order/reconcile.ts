/**
 * One pass over one order: observe, plan, execute, until nothing is left that changes what was observed; then tell.
 * Order of writes: rows, then the read model with its messages, then the cluster, then the status, then events. Every prefix is legal.
 */
import type { Order } from "#crds/order.ts";
import type { Outcome } from "#kube/controller.ts";
import { recordProgress } from "#store/orders.ts";
import { latestSeen } from "../latest.ts";
import { createPace, lookAgain } from "../pace.ts";
import { tellStatus } from "../tell-status.ts";
import { depart } from "./depart.ts";
import { execute } from "./execute.ts";
import { type Learnt, observe } from "./observe.ts";
import type { OrderAction, OrderObserved, OrderPlan } from "./observed.ts";
import { plan } from "./plan.ts";
import type { OrderPorts } from "./ports.ts";

/** More rounds than any walk has steps: beyond it something is wrong, and the queue's back-off is the place for it. */
const MAX_ROUNDS = 16;
const CREATED_AT_ONCE = 4;

export type OrderReconciler = (name: string, signal: AbortSignal) => Promise<Outcome>;

/** Makes the reconcile function. `onPass` hears of every order that was looked at: the scheduler may have something to do. */
export function orderReconciler(ports: OrderPorts, onPass: (observed: OrderObserved) => void): OrderReconciler {
  const latest = latestSeen(ports.orders.cache);
  const pace = createPace(ports.now);
  const teller = { api: ports.orders.api, latest, pace, recorder: ports.recorder };

  /** Children do not depend on each other: a few at a time. */
  async function createAll(order: Order, actions: readonly OrderAction[]): Promise<void> {
    const rest = actions.filter(({ kind }) => kind === "createSubOrder").values();
    const failures: unknown[] = [];
    const lane = async () => {
      for (const action of rest) {
        await execute(ports, order, action).catch((error: unknown) => failures.push(error));
        if (failures.length > 0) return;
      }
    };
    await Promise.all(Array.from({ length: CREATED_AT_ONCE }, lane));
    if (failures.length > 0) throw failures[0];
  }

  /** How long the status waits to be told, when it does. */
  async function tell(observed: OrderObserved, planned: OrderPlan): Promise<number | undefined> {
    const { order, row } = observed;
    if (row && planned.model) {
      const { model, messages, told } = planned;
      await recordProgress(ports.db, row.id, { model, messages, told, now: ports.now() });
    }
    await createAll(order, planned.actions);
    for (const action of planned.actions.filter(({ kind }) => kind !== "createSubOrder")) {
      await execute(ports, order, action);
    }
    return await tellStatus(teller, order, planned);
  }

  /** Carries out what changes the observation; what was learnt goes into the next one. */
  async function move(order: Order, o: { planned: OrderPlan; learnt: Learnt; signal: AbortSignal }): Promise<Learnt> {
    let { learnt } = o;
    for (const action of o.planned.first) {
      o.signal.throwIfAborted();
      learnt = { ...learnt, ...(await execute(ports, order, action)) };
    }
    return learnt;
  }

  /** `departing`: in how many milliseconds to come back in any case. */
  async function walk(name: string, departing: number | undefined, signal: AbortSignal): Promise<Outcome> {
    let learnt: Learnt = {};
    for (let round = 0; round < MAX_ROUNDS; round++) {
      signal.throwIfAborted();
      const order = latest.get(name);
      if (order === undefined) {
        pace.forget(name);
        return lookAgain(departing);
      }
      const observed = await observe(ports, order, learnt);
      const planned = plan(observed, ports.now());
      if (planned.first.length > 0) {
        learnt = await move(order, { planned, learnt, signal });
        continue;
      }
      const waits = await tell(observed, planned);
      onPass(observed);
      return lookAgain(planned.requeueAfterMs, waits, departing);
    }
    const error = new Error(`Cannot settle order '${name}': still moving after ${MAX_ROUNDS} rounds`);
    return { kind: "retry", error };
  }

  return async (name, signal) => walk(name, await departAll(ports, name, signal), signal);
}

/** Those of this name whose resource is gone come first: another may have the name by now. In how many milliseconds there is more to do. */
async function departAll(ports: OrderPorts, name: string, signal: AbortSignal): Promise<number | undefined> {
  let again: number | undefined;
  for (const uid of ports.departures.of(name)) {
    signal.throwIfAborted();
    const ms = await depart(ports, { name, uid });
    if (ms === undefined) ports.departures.settle(name, uid);
    else again = Math.min(ms, again ?? ms);
  }
  return again;
}
