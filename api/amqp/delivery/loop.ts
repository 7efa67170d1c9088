/** Looks for deliveries that are due and does them, a few at a time. Any number of processes may do so beside each other. */
import { backoffMs, pause } from "#kube/pause.ts";
import { claimDelivery } from "#store/deliveries.ts";
import { type DeliverDeps, deliver, LEASE_SECONDS } from "./deliver.ts";

/** `told`: there is something to send. */
export type LoopDeps = DeliverDeps & { readonly told: () => void };

const AT_ONCE = 2;
const LOOK_EVERY_MS = 2_000;
const DATABASE_PAUSES = { firstMs: 100, longestMs: 5_000 };

/** Resolves once the signal has aborted and what was begun is given back. */
export async function runDeliveries(deps: LoopDeps, signal: AbortSignal): Promise<void> {
  await Promise.all(Array.from({ length: AT_ONCE }, () => work(deps, signal)));
}

async function work(deps: LoopDeps, signal: AbortSignal): Promise<void> {
  for (let failures = 0; !signal.aborted; ) {
    try {
      const claim = await claimDelivery(deps.db, { now: deps.now(), leaseSeconds: LEASE_SECONDS });
      if (claim) await deliver(deps, claim, signal);
      failures = 0;
      if (claim) deps.told();
      else await pause(LOOK_EVERY_MS, signal).catch(() => {});
    } catch (error) {
      failures++;
      deps.logger.warn({ err: error }, "cannot look for deliveries now");
      await pause(backoffMs(failures, { ...DATABASE_PAUSES, random: deps.random }), signal).catch(() => {});
    }
  }
}
