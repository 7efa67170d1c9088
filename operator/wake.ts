/**
 * From a hint to the keys to look at. The store speaks of order numbers: they are found among the resources by their status, or by the name
 * that follows from the number. Notifications of a busy order come by the thousand; a short delay makes one pass of many.
 */
import { orderName } from "#crds/names.ts";
import type { Order } from "#crds/order.ts";
import type { Process } from "#crds/process.ts";
import type { SubOrder } from "#crds/suborder.ts";
import type { Cache } from "#kube/cache.ts";
import type { WorkQueue } from "#kube/queue.ts";
import { attemptEnd } from "./order/facts.ts";
import { BY_ORDER } from "./order/ports.ts";

export type Queues = {
  readonly order: WorkQueue;
  readonly subOrder: WorkQueue;
  readonly process: WorkQueue;
  readonly schedule: WorkQueue;
};

/** Index of the Order cache: by number. */
export const BY_ID = "id";

/** The only key of the scheduler's queue. */
export const SCHEDULE = "all";

export const ORDER_DELAY_MS = 100;
/** A place, room or the gate may have become free, for anybody's order. */
const SCHEDULE_DELAY_MS = 250;
/** Counters of a running sub-order are for people, and each of an order's may run: all of them are looked at for a report of one. */
const SUBORDER_DELAY_MS = 30_000;

type Caches = {
  readonly orders: { readonly cache: Cache<Order> };
  readonly subOrders: { readonly cache: Cache<SubOrder> };
  readonly processes: { readonly cache: Cache<Process> };
};

export function waker(queues: Queues, { orders, subOrders, processes }: Caches) {
  return {
    /** Something changed in the store about the order with this number. */
    order(id: number): void {
      const key = String(id);
      queues.schedule.addAfter(SCHEDULE, SCHEDULE_DELAY_MS);
      const known = orders.cache.by(BY_ID, key).map((order) => order.metadata.name);
      for (const name of known.length > 0 ? known : [orderName(id)]) queues.order.addAfter(name, ORDER_DELAY_MS);
      for (const subOrder of subOrders.cache.by(BY_ORDER, key)) {
        if (attemptEnd(subOrder) === undefined) queues.subOrder.addAfter(subOrder.metadata.name, SUBORDER_DELAY_MS);
      }
    },
    named(name: string): void {
      queues.order.add(name);
    },
    process(name: string): void {
      queues.process.add(name);
    },
    /** Hints may have been lost. */
    everything(): void {
      for (const order of orders.cache.list()) queues.order.add(order.metadata.name, { priority: "bulk" });
      for (const subOrder of subOrders.cache.list()) queues.subOrder.add(subOrder.metadata.name, { priority: "bulk" });
      for (const process of processes.cache.list()) queues.process.add(process.metadata.name, { priority: "bulk" });
    },
  };
}
