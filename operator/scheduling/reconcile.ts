/**
 * The only one that moves sub-orders from Waiting to Running: looks at all users' next ones, asks the policies, starts what they choose.
 * Why an order was held back is kept in memory for the order controller to tell; it is found out anew at every pass, so a restart loses nothing.
 */
import type { Order } from "#crds/order.ts";
import type { Cache } from "#kube/cache.ts";
import type { Outcome } from "#kube/controller.ts";
import type { BlobStore } from "#store/blobs/blob-store.ts";
import type { Db } from "#store/db.ts";
import { schedulingView, startSubOrders, type WaitingSubOrder } from "#store/scheduling.ts";
import { readSettings, type Settings } from "#store/settings.ts";
import { choose, type HeldBack } from "./choose-policy.ts";
import { spaceOf } from "./space-policy.ts";
import type { Limits, View } from "./view.ts";

export type SchedulerPorts = {
  readonly db: Db;
  readonly orders: Cache<Order>;
  readonly blobs: Pick<BlobStore, "freeBytes">;
  /** Called for every order whose sub-orders started, or which is held back for another reason than before. */
  readonly wake: (orderId: number) => void;
  readonly now: () => Date;
};

export type Scheduler = {
  readonly reconcile: () => Promise<Outcome>;
  readonly heldBack: (orderId: number) => HeldBack | undefined;
};

/** How many of an owner's next sub-orders are looked at. */
const PER_OWNER = 32;
/** While something waits, look again after this time: room on a disk tells nobody when it comes. */
const LOOK_AGAIN_MS = 10_000;

export function scheduler(ports: SchedulerPorts): Scheduler {
  let held: ReadonlyMap<number, HeldBack> = new Map();
  return {
    heldBack: (orderId) => held.get(orderId),
    async reconcile() {
      const settings = await readSettings(ports.db);
      const view = await look(ports, settings);
      const choice = choose(view, limitsOf(settings));
      const started = await startSubOrders(ports.db, choice.start, { now: ports.now() });
      const before = held;
      held = choice.held;
      const changed = [...before.keys(), ...held.keys()].filter((id) => before.get(id) !== held.get(id));
      for (const id of new Set([...changed, ...started.map((key) => key.orderId)])) ports.wake(id);
      return view.waiting.length > 0 ? { kind: "requeueAfter", ms: LOOK_AGAIN_MS } : { kind: "done" };
    },
  };
}

async function look({ db, orders, blobs, now }: SchedulerPorts, settings: Settings): Promise<View> {
  const all = orders.list();
  const excluded = all.filter(mayNotRun).flatMap(idOf);
  const begun = all.filter(hasBegun).flatMap(idOf);
  const at = now();
  const [next, firsts, free] = await Promise.all([
    schedulingView(db, at, { perOwner: PER_OWNER, excluded }),
    schedulingView(db, at, { perOwner: PER_OWNER, excluded: [...excluded, ...begun] }),
    blobs.freeBytes(),
  ]);
  const known = new Set(all.flatMap(idOf));
  return {
    waiting: merge(next.waiting, firsts.waiting).filter((s) => known.has(s.orderId)),
    runningByOwner: next.runningByOwner,
    undownloadedByOwner: next.undownloadedByOwner,
    begun: new Set(begun),
    space: spaceOf({ used: next.blobBytes, limit: settings.blob_space_limit_bytes, free }),
  };
}

function idOf(order: Order): number[] {
  const id = order.status?.orderId;
  return id === undefined ? [] : [id];
}

/** Told by its owner to stop, or about to be gone. */
function mayNotRun({ metadata, spec }: Order): boolean {
  return metadata.deletionTimestamp !== undefined || spec.suspend || spec.shutdown !== undefined;
}

function hasBegun({ status }: Order): boolean {
  const { running = 0, succeeded = 0, failed = 0 } = status?.subOrders ?? {};
  return running + succeeded + failed > 0;
}

function merge(a: readonly WaitingSubOrder[], b: readonly WaitingSubOrder[]): readonly WaitingSubOrder[] {
  return [...new Map([...a, ...b].map((s) => [`${s.orderId}/${s.number}`, s])).values()];
}

function limitsOf(settings: Settings): Limits {
  return {
    running: settings.max_running_sub_orders,
    runningPerUser: settings.max_running_sub_orders_per_user,
    gate: settings.download_gate,
    gatePerUser: settings.gate_sub_orders_per_user,
  };
}
