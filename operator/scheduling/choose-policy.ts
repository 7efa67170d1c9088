/**
 * Which sub-orders start now, and why the others do not: the policies put together. Pure.
 * Turn by turn one sub-order starts, of the owner whose turn it is, until nobody has a claim that may be met.
 */
import { type Claim, whoseTurn } from "./fair-share-policy.ts";
import { isShut } from "./gate-policy.ts";
import { isWithinLimits } from "./limits-policy.ts";
import { inTurn } from "./size-policy.ts";
import { fits } from "./space-policy.ts";
import type { Candidate, Limits, Space, View } from "./view.ts";

export type HeldBack = "user" | "space" | "slot";

export type Choice = {
  /** In the order in which they should start. */
  readonly start: readonly Candidate[];
  /** By order id, for orders of which nothing starts now. */
  readonly held: ReadonlyMap<number, HeldBack>;
};

type Owner = { readonly name: string; queue: readonly Candidate[]; running: number; readonly undownloaded: number };

export function choose(view: View, limits: Limits): Choice {
  const owners = ownersOf(view);
  const start: Candidate[] = [];
  const held = new Map<number, HeldBack>();
  let space = view.space;
  let running = sum(view.runningByOwner.values());
  for (;;) {
    const claims = owners.flatMap((owner) => claimOf(owner));
    const turn = whoseTurn(claims);
    const owner = owners.find(({ name }) => name === turn?.owner);
    const next = owner?.queue[0];
    if (owner === undefined || next === undefined) break;
    const refusal = whyNot(next, { owner, running, space, limits });
    if (refusal !== undefined) {
      hold(held, owner, refusal);
      continue;
    }
    owner.queue = owner.queue.slice(1);
    owner.running++;
    running++;
    space = take(space, next.bytes);
    start.push(next);
  }
  const started = new Set(start.map((candidate) => candidate.orderId));
  return { start, held: new Map([...held].filter(([orderId]) => !started.has(orderId))) };
}

function ownersOf(view: View): Owner[] {
  const byOwner = Map.groupBy(view.waiting, (candidate) => candidate.owner);
  return [...byOwner].map(([name, candidates]) => ({
    name,
    queue: inTurn(candidates, view.begun),
    running: view.runningByOwner.get(name) ?? 0,
    undownloaded: view.undownloadedByOwner.get(name) ?? 0,
  }));
}

function claimOf({ name, queue, running }: Owner): Claim[] {
  const [next] = queue;
  return next === undefined ? [] : [{ owner: name, running, since: next.createdAt.getTime() }];
}

function whyNot(
  next: Candidate,
  o: { owner: Owner; running: number; space: Space; limits: Limits },
): HeldBack | undefined {
  const { owner, running, space, limits } = o;
  const isFull = !fits(space, { bytes: next.bytes, running });
  const { running: ofUser, undownloaded } = owner;
  const isGated = next.delivered !== true;
  if (isGated && isShut({ running: ofUser, undownloaded, isFull }, limits)) return undownloaded > 0 ? "user" : "slot";
  if (isFull) return "space";
  return isWithinLimits({ all: running, ofUser }, limits) ? undefined : "slot";
}

/** What one of an owner's sub-orders waits for, all behind it wait for too: nothing overtakes. */
function hold(held: Map<number, HeldBack>, owner: Owner, why: HeldBack): void {
  for (const { orderId } of owner.queue) if (!held.has(orderId)) held.set(orderId, why);
  owner.queue = [];
}

function take(space: Space, bytes: number): Space {
  const used = space.used + bytes;
  return space.room === undefined ? { used } : { used, room: Math.max(0, space.room - bytes) };
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
