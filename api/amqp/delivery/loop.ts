/** Looks for deliveries that are due and does them, a few at a time. Any number of processes may do so beside each other. */
import { pause } from "#kube/pause.ts";
import { steadily } from "#kube/steadily.ts";
import { claimDelivery } from "#store/deliveries.ts";
import { type DeliverDeps, deliver, LEASE_SECONDS } from "./deliver.ts";

/** `told`: there is something to send. */
export type LoopDeps = DeliverDeps & { readonly told: () => void };

const AT_ONCE = 2;
const LOOK_EVERY_MS = 2_000;

/** Resolves once the signal has aborted and what was begun is given back. */
export async function runDeliveries(deps: LoopDeps, signal: AbortSignal): Promise<void> {
  await Promise.all(Array.from({ length: AT_ONCE }, () => work(deps, signal)));
}

async function work(deps: LoopDeps, signal: AbortSignal): Promise<void> {
  const look = async () => {
    const claim = await claimDelivery(deps.db, { now: deps.now(), leaseSeconds: LEASE_SECONDS });
    if (!claim) return pause(LOOK_EVERY_MS, signal);
    await deliver(deps, claim, signal);
    deps.told();
  };
  await steadily(look, { ...deps, what: "look for deliveries", signal });
}
