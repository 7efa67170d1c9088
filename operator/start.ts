/**
 * The operator: four controllers and a sweep, what wakes them, and how they stop.
 * Everything that wakes a controller is only a hint (watch events, the store's notifications, timers); each pass looks for itself.
 */
import type { Logger } from "pino";
import type { Catalogue } from "#catalog/catalogue.ts";
import { MANAGER } from "#crds/names.ts";
import type { Order } from "#crds/order.ts";
import type { SubOrder } from "#crds/suborder.ts";
import { type Controller, type ControllerOptions, type ControllerStats, controller } from "#kube/controller.ts";
import { eventRecorder } from "#kube/events.ts";
import { fencedTransport } from "#kube/fence.ts";
import { LEASES } from "#kube/kinds.ts";
import { lead } from "#kube/lease.ts";
import { pause } from "#kube/pause.ts";
import { type QueueStats, WorkQueue } from "#kube/queue.ts";
import { resourceApi } from "#kube/resource.ts";
import type { Transport } from "#kube/transport.ts";
import type { BlobStore } from "#store/blobs/blob-store.ts";
import { listenChanges } from "#store/changes.ts";
import type { Db } from "#store/db.ts";
import type { OperatorConfig } from "./config.ts";
import { fencedDb } from "./fenced-db.ts";
import { type Departures, departures } from "./order/departures.ts";
import type { OrderObserved } from "./order/observed.ts";
import { orderReconciler } from "./order/reconcile.ts";
import { processReconciler } from "./process/reconcile.ts";
import { remind } from "./remind.ts";
import { scheduler } from "./scheduling/reconcile.ts";
import { subOrderReconciler } from "./suborder/reconcile.ts";
import { sweep } from "./sweep.ts";
import { type Queues, SCHEDULE, waker } from "./wake.ts";
import { type WatchHealth, watchAll } from "./watches.ts";

export type OperatorOptions = {
  readonly db: Db;
  readonly transport: Transport;
  readonly catalogue: Catalogue;
  readonly blobs: BlobStore;
  readonly config: OperatorConfig;
  readonly now: () => Date;
  readonly random: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Told of each pass of a controller that ended. */
  readonly onPass?: (controller: ControllerName, pass: Parameters<NonNullable<ControllerOptions["onPass"]>>[0]) => void;
  /** Told of each attempt of a sub-order that has ended while this process leads. */
  readonly onSubOrderEnd?: SubOrderEnded;
  /** Told of each order that is over, again after a retry, while this process leads. */
  readonly onOrderEnd?: (order: Order) => void;
};

export type SubOrderEnded = (subOrder: SubOrder, reason: string) => void;

export type ControllerName = "order" | "suborder" | "process" | "schedule";

export type OperatorHealth = {
  /** It acts; the others stand by. */
  readonly leading: boolean;
  readonly watches: readonly WatchHealth[];
  readonly controllers: readonly {
    readonly name: ControllerName;
    readonly queue: QueueStats;
    /** Absent where it does not lead. */
    readonly passes?: ControllerStats;
  }[];
};

export type Operator = {
  /** Its caches are filled and it follows the store. */
  readonly ready: Promise<void>;
  /** Nothing of it runs any more. Rejects when it had to stop by itself. */
  readonly stopped: Promise<void>;
  health(): OperatorHealth;
};

export function startOperator(o: OperatorOptions): Operator {
  const ready = Promise.withResolvers<void>();
  const fence: Fence = { held: () => true };
  const queues = makeQueues(o.random);
  const controllers = new Map<ControllerName, Controller>();
  const onSubOrderEnd: SubOrderEnded = (subOrder, reason) => {
    if (controllers.size > 0) o.onSubOrderEnd?.(subOrder, reason);
  };
  const onOrderEnd = (order: Order) => {
    if (controllers.size > 0) o.onOrderEnd?.(order);
  };
  const transport = fencedTransport(o.transport, () => fence.held());
  const gone = departures();
  // Who stands by need not remember: whoever begins to lead compares everything.
  const onOrderGone = ({ metadata: { name, uid = "" } }: Order) => {
    if (controllers.size > 0) gone.note(name, uid);
  };
  const watches = watchAll({ ...o, transport, onSubOrderEnd, onOrderEnd, onOrderGone }, queues);
  const parts = { queues, watches, wake: waker(queues, watches), departures: gone, controllers };
  const stopped = run(o, { ...parts, fence, onReady: ready.resolve }).catch((error: unknown) => {
    ready.reject(error);
    throw error;
  });
  ready.promise.catch(() => {});
  return { ready: ready.promise, stopped, health: () => healthOf(parts) };
}

type RunParts = Parts & {
  /** Those that run; empty where it does not lead. */
  readonly controllers: Map<ControllerName, Controller>;
  readonly fence: Fence;
  readonly onReady: () => void;
};

async function run(options: OperatorOptions, parts: RunParts): Promise<void> {
  const { queues, watches, wake, fence, controllers } = parts;
  const held = () => fence.held();
  const o = { ...options, transport: fencedTransport(options.transport, held), db: fencedDb(options.db, held) };
  const watching = watches.run(o.signal);
  try {
    await watches.synced(o.signal);
    await listenChanges(options.db, wake.order, { signal: o.signal, onGap: () => wake.everything() });
    parts.onReady();
    await whileLeading(options, fence, async (signal, kill) => {
      wake.everything();
      queues.schedule.add(SCHEDULE);
      for (const [name, made] of makeControllers(o, parts)) controllers.set(name, made);
      const running = [...controllers.values()].map((each) => each.run(signal, kill ? { kill } : {}));
      try {
        await Promise.all([...running, ...timers(o, { ...parts, signal })]);
      } finally {
        controllers.clear();
      }
    });
  } catch (error) {
    if (!o.signal.aborted) throw error;
  } finally {
    for (const queue of Object.values(queues)) queue.close();
    await watching;
  }
}

function healthOf({ queues, watches, controllers }: Omit<RunParts, "fence" | "onReady">): OperatorHealth {
  const names = {
    order: queues.order,
    suborder: queues.subOrder,
    process: queues.process,
    schedule: queues.schedule,
  };
  return {
    leading: controllers.size > 0,
    watches: watches.health(),
    controllers: (Object.keys(names) as ControllerName[]).map((name) => {
      const passes = controllers.get(name)?.stats();
      return { name, queue: names[name].stats(), ...(passes ? { passes } : {}) };
    }),
  };
}

function makeQueues(random: () => number): Queues {
  const backoff = { firstMs: 5, longestMs: 60_000 };
  return {
    order: new WorkQueue({ random, backoff }),
    subOrder: new WorkQueue({ random, backoff }),
    process: new WorkQueue({ random, backoff }),
    schedule: new WorkQueue({ random, backoff }),
  };
}

/** What holds back the writes of a leader that was replaced while it was frozen. */
type Fence = { held: () => boolean };
type Act = (signal: AbortSignal, kill?: AbortSignal) => Promise<void>;

/** Without a lease this process is the only one; with one it acts only while it holds it. */
async function whileLeading(o: OperatorOptions, fence: Fence, act: Act): Promise<void> {
  const { lease } = o.config;
  if (lease === undefined) return await act(o.signal);
  const leases = resourceApi(o.transport, LEASES);
  const { now, random, logger, signal } = o;
  const options = { ...lease, leases, now, random, logger, signal };
  await lead({
    ...options,
    lead: async (leading, term) => {
      fence.held = () => term.held();
      await act(leading, term.lost);
    },
  });
}

type Parts = {
  readonly queues: Queues;
  readonly watches: ReturnType<typeof watchAll>;
  readonly wake: ReturnType<typeof waker>;
  readonly departures: Departures;
};

/** Most of a pass is waiting for the API server. */
const SUBORDERS_AT_ONCE = 16;

/** Big orders are searched in parts of a few seconds; giving back a million files takes longer. */
export const TIME_BOX_MS = 120_000;

function makeControllers(
  o: OperatorOptions,
  { queues, watches, wake, departures: gone }: Parts,
): readonly (readonly [ControllerName, Controller])[] {
  const { db, catalogue, blobs, config, now, logger, transport } = o;
  const recorder = eventRecorder(transport, { component: MANAGER, now, logger });
  const { orders, subOrders, processes, jobs, pods } = watches;
  const schedule = scheduler({ db, orders: orders.cache, blobs, wake: wake.order, now });
  const { heldBack } = schedule;
  const seen = { orders, subOrders, jobs, pods, departures: gone };
  const orderPorts = { ...seen, processes, db, catalogue, transport, recorder, heldBack, config, now, logger };
  const onPass = ({ work }: OrderObserved) => {
    if (work && work.subOrders.waiting > 0) queues.schedule.add(SCHEDULE);
  };
  const made = (name: ControllerName, how: Pick<ControllerOptions, "queue" | "concurrency" | "reconcile">) => {
    const told = o.onPass;
    const each = told ? { onPass: (pass: Parameters<typeof told>[1]) => told(name, pass) } : {};
    return [name, controller({ name, ...how, ...each, logger, timeBoxMs: TIME_BOX_MS })] as const;
  };
  return [
    made("order", {
      queue: queues.order,
      concurrency: config.workers?.order ?? 4,
      reconcile: orderReconciler(orderPorts, onPass),
    }),
    made("suborder", {
      queue: queues.subOrder,
      concurrency: config.workers?.subOrder ?? SUBORDERS_AT_ONCE,
      reconcile: subOrderReconciler({ db, subOrders, processes, jobs, pods, recorder, config: config.job, now }),
    }),
    made("process", {
      queue: queues.process,
      concurrency: 1,
      reconcile: processReconciler({ db, processes, now, logger }),
    }),
    made("schedule", { queue: queues.schedule, concurrency: 1, reconcile: schedule.reconcile }),
  ];
}

function timers(
  o: OperatorOptions,
  { watches, wake, departures: gone, signal }: Omit<Parts, "queues"> & { readonly signal: AbortSignal },
): readonly Promise<void>[] {
  const { db, transport, blobs, now, logger, config } = o;
  const blobGraceMs = (config.blobGraceSeconds ?? 86_400) * 1000;
  const awayMs = (config.awaySeconds ?? 120) * 1000;
  const seen = { orders: watches.orders, departures: gone, wake: wake.named, wakeProcess: wake.process };
  const ports = { ...seen, db, transport, blobs, blobGraceMs, awayMs, now, logger };
  return [
    every(config.sweepSeconds ?? 30, { signal, act: () => sweep(ports, signal) }),
    every(config.remindSeconds ?? 3_600, { signal, act: () => remind({ db, now, logger }) }),
    every(config.resyncSeconds ?? 600, { signal, act: async () => wake.everything() }),
  ];
}

async function every(seconds: number, o: { signal: AbortSignal; act: () => Promise<void> }): Promise<void> {
  while (!o.signal.aborted) {
    await o.act();
    await pause(seconds * 1000, o.signal).catch(() => {});
  }
}
