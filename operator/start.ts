/**
 * The operator: three controllers and a sweep, what wakes them, and how they stop.
 * Everything that wakes a controller is only a hint (watch events, the store's notifications, timers); each pass looks for itself.
 */
import type { Logger } from "pino";
import type { Catalogue } from "#catalog/catalogue.ts";
import { MANAGER } from "#crds/names.ts";
import { type Controller, controller } from "#kube/controller.ts";
import { eventRecorder } from "#kube/events.ts";
import { fencedTransport } from "#kube/fence.ts";
import { LEASES } from "#kube/kinds.ts";
import { lead } from "#kube/lease.ts";
import { pause } from "#kube/pause.ts";
import { WorkQueue } from "#kube/queue.ts";
import { resourceApi } from "#kube/resource.ts";
import type { Transport } from "#kube/transport.ts";
import type { BlobStore } from "#store/blobs/blob-store.ts";
import { listenChanges } from "#store/changes.ts";
import type { Db } from "#store/db.ts";
import type { OperatorConfig } from "./config.ts";
import type { OrderObserved } from "./order/observed.ts";
import { orderReconciler } from "./order/reconcile.ts";
import { remind } from "./remind.ts";
import { scheduler } from "./scheduling/reconcile.ts";
import { subOrderReconciler } from "./suborder/reconcile.ts";
import { sweep } from "./sweep.ts";
import { type Queues, SCHEDULE, waker } from "./wake.ts";
import { watchAll } from "./watches.ts";

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
};

export type Operator = {
  /** Its caches are filled and it follows the store. */
  readonly ready: Promise<void>;
  /** Nothing of it runs any more. Rejects when it had to stop by itself. */
  readonly stopped: Promise<void>;
};

export function startOperator(o: OperatorOptions): Operator {
  const ready = Promise.withResolvers<void>();
  const stopped = run(o, ready.resolve).catch((error: unknown) => {
    ready.reject(error);
    throw error;
  });
  ready.promise.catch(() => {});
  return { ready: ready.promise, stopped };
}

async function run(options: OperatorOptions, onReady: () => void): Promise<void> {
  const fence: Fence = { held: () => true };
  const o = { ...options, transport: fencedTransport(options.transport, () => fence.held()) };
  const queues = makeQueues(o.random);
  const watches = watchAll(o, queues);
  const wake = waker(queues, watches);
  const watching = watches.run(o.signal);
  try {
    await watches.synced(o.signal);
    await listenChanges(o.db, wake.order, { signal: o.signal, onGap: () => wake.everything() });
    onReady();
    await whileLeading(options, fence, async (signal, kill) => {
      wake.everything();
      queues.schedule.add(SCHEDULE);
      const controllers = makeControllers(o, { queues, watches, wake });
      const running = controllers.map((each) => each.run(signal, kill ? { kill } : {}));
      await Promise.all([...running, ...timers(o, { watches, wake, signal })]);
    });
  } catch (error) {
    if (!o.signal.aborted) throw error;
  } finally {
    for (const queue of Object.values(queues)) queue.close();
    await watching;
  }
}

function makeQueues(random: () => number): Queues {
  const backoff = { firstMs: 5, longestMs: 60_000 };
  return {
    order: new WorkQueue({ random, backoff }),
    subOrder: new WorkQueue({ random, backoff }),
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
};

/** Big orders are searched in parts of a few seconds; giving back a million files takes longer. */
const TIME_BOX_MS = 120_000;

function makeControllers(o: OperatorOptions, { queues, watches, wake }: Parts): readonly Controller[] {
  const { db, catalogue, blobs, config, now, logger, transport } = o;
  const recorder = eventRecorder(transport, { component: MANAGER, now, logger });
  const { orders, subOrders, jobs, pods } = watches;
  const schedule = scheduler({ db, orders: orders.cache, blobs, wake: wake.order, now });
  const { heldBack } = schedule;
  const orderPorts = { db, catalogue, orders, subOrders, recorder, heldBack, config, now, logger };
  const onPass = ({ work }: OrderObserved) => {
    if (work && work.subOrders.waiting > 0) queues.schedule.add(SCHEDULE);
  };
  const timeBoxMs = TIME_BOX_MS;
  return [
    controller({
      name: "order",
      queue: queues.order,
      concurrency: config.workers?.order ?? 4,
      reconcile: orderReconciler(orderPorts, onPass),
      logger,
      timeBoxMs,
    }),
    controller({
      name: "suborder",
      queue: queues.subOrder,
      concurrency: config.workers?.subOrder ?? 4,
      reconcile: subOrderReconciler({ db, subOrders, jobs, pods, recorder, config: config.job, now }),
      logger,
      timeBoxMs,
    }),
    controller({
      name: "schedule",
      queue: queues.schedule,
      concurrency: 1,
      reconcile: schedule.reconcile,
      logger,
      timeBoxMs,
    }),
  ];
}

function timers(
  o: OperatorOptions,
  { watches, wake, signal }: Omit<Parts, "queues"> & { readonly signal: AbortSignal },
): readonly Promise<void>[] {
  const { db, blobs, now, logger, config } = o;
  const blobGraceMs = (config.blobGraceSeconds ?? 86_400) * 1000;
  const ports = { db, orders: watches.orders, blobs, wake: wake.named, blobGraceMs, now, logger };
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
