/** The caches of the operator: Orders, SubOrders, Processes, and the Jobs and pods that carry our labels; each change wakes who may care. */
import type { Logger } from "pino";
import { LABELS, MANAGER } from "#crds/names.ts";
import type { Order } from "#crds/order.ts";
import type { Process } from "#crds/process.ts";
import { ORDERS, PROCESSES, SUBORDERS } from "#crds/resource-types.ts";
import type { SubOrder } from "#crds/suborder.ts";
import type { Cache, Change } from "#kube/cache.ts";
import { JOBS, type Job, PODS, type Pod } from "#kube/kinds.ts";
import { type Reflector, type ReflectorHealth, reflector } from "#kube/reflector.ts";
import { type KubeObject, type ResourceApi, type ResourceType, resourceApi } from "#kube/resource.ts";
import type { Transport } from "#kube/transport.ts";
import { attemptEnd } from "./order/facts.ts";
import { BY_ORDER } from "./order/ports.ts";
import { newsOfJob, newsOfPod } from "./suborder/news.ts";
import { BY_SUBORDER, subOrderKey } from "./suborder/ports.ts";
import { BY_ID, ORDER_DELAY_MS, type Queues } from "./wake.ts";

export type Watches = {
  readonly orders: { readonly cache: Cache<Order>; readonly api: ResourceApi<Order> };
  readonly subOrders: { readonly cache: Cache<SubOrder>; readonly api: ResourceApi<SubOrder> };
  readonly processes: { readonly cache: Cache<Process>; readonly api: ResourceApi<Process> };
  readonly jobs: { readonly cache: Cache<Job>; readonly api: ResourceApi<Job> };
  readonly pods: { readonly cache: Cache<Pod>; readonly api: ResourceApi<Pod> };
  run(signal: AbortSignal): Promise<void>;
  synced(signal: AbortSignal): Promise<void>;
  health(): readonly WatchHealth[];
};

export type WatchHealth = ReflectorHealth & {
  /** Plural of the kind. */
  readonly resource: string;
  /** How many the cache holds. */
  readonly objects: number;
};

type Options = {
  readonly transport: Transport;
  readonly now: () => Date;
  readonly random: () => number;
  readonly logger: Logger;
  readonly onOrderEnd?: (order: Order) => void;
  readonly onSubOrderEnd?: (subOrder: SubOrder, reason: string) => void;
  /** The resource of an order is gone; another may have its name already. */
  readonly onOrderGone: (gone: Order) => void;
};

export function watchAll(o: Options, queues: Queues): Watches {
  const reflectors: { readonly resource: string; readonly reflector: Reflector<KubeObject> }[] = [];
  function watch<T extends KubeObject>(
    type: ResourceType<T>,
    how: {
      readonly labelSelector?: string;
      readonly indexes?: Record<string, (object: T) => readonly string[]>;
      readonly onChange: (change: Change<T>) => void;
    },
  ) {
    const api = resourceApi(o.transport, type, { fieldManager: MANAGER });
    const { now, random, logger } = o;
    const made = reflector(api, { ...how, now, random, logger });
    reflectors.push({ resource: type.plural, reflector: made as unknown as Reflector<KubeObject> });
    return { api, cache: made.cache };
  }

  const ours = `${LABELS.managedBy}=${MANAGER}`;
  const orders = watch<Order>(ORDERS, {
    indexes: { [BY_ID]: (order) => idsOf(order) },
    onChange: (change) => {
      if (change.kind === "deleted") o.onOrderGone(change.before);
      queues.order.add(change.name, { priority: change.initial ? "bulk" : "fresh" });
      if (change.kind !== "updated" || change.now.status?.completionTime === undefined) return;
      if (change.before.status?.completionTime !== change.now.status.completionTime) o.onOrderEnd?.(change.now);
    },
  });
  const subOrders = watch<SubOrder>(SUBORDERS, {
    indexes: { [BY_ORDER]: (subOrder) => [labelOf(subOrder, LABELS.order)] },
    onChange: (change) => {
      const priority = change.initial ? "bulk" : "fresh";
      queues.subOrder.add(change.name, { priority });
      const { orderName } = (change.now ?? change.before).spec;
      if (change.initial) queues.order.add(orderName, { priority });
      else if (isNewsOfOrder(change)) queues.order.addAfter(orderName, ORDER_DELAY_MS);
      if (change.kind !== "updated" || attemptEnd(change.before) !== undefined) return;
      const end = attemptEnd(change.now);
      if (end) o.onSubOrderEnd?.(change.now, end.reason);
    },
  });
  // A run that has its Job heeds no change.
  const processes = watch<Process>(PROCESSES, {
    onChange: (change) => queues.process.add(change.name, { priority: change.initial ? "bulk" : "fresh" }),
  });
  const wakeSubOrder = <T extends Job | Pod>(change: Change<T>, newsOf: (object: T) => unknown) => {
    if (change.kind === "updated" && Bun.deepEquals(newsOf(change.before), newsOf(change.now))) return;
    const object = change.kind === "deleted" ? change.before : change.now;
    const number = labelOf(object, LABELS.subOrder);
    for (const subOrder of subOrders.cache.by(BY_ORDER, labelOf(object, LABELS.order))) {
      if (String(subOrder.spec.number) === number) queues.subOrder.add(subOrder.metadata.name);
    }
  };
  const indexes = {
    [BY_SUBORDER]: (object: Job | Pod) => [keyOf(object)],
    [BY_ORDER]: (object: Job | Pod) => [labelOf(object, LABELS.order)],
  };
  const selected = { labelSelector: ours, indexes };
  const jobs = watch<Job>(JOBS, { ...selected, onChange: (change) => wakeSubOrder(change, newsOfJob) });
  const pods = watch<Pod>(PODS, { ...selected, onChange: (change) => wakeSubOrder(change, newsOfPod) });

  return {
    orders,
    subOrders,
    processes,
    jobs,
    pods,
    async run(signal) {
      await Promise.all(reflectors.map((each) => each.reflector.run(signal)));
    },
    async synced(signal) {
      await Promise.all(reflectors.map((each) => each.reflector.synced(signal)));
    },
    health: () =>
      reflectors.map((each) => ({
        ...each.reflector.health(),
        resource: each.resource,
        objects: each.reflector.cache.list().length,
      })),
  };
}

/** Whether the order may have something to do: how far an attempt is it learns from the store. */
function isNewsOfOrder(change: Change<SubOrder>): boolean {
  if (change.kind !== "updated") return true;
  return !Bun.deepEquals(newsForOrder(change.before), newsForOrder(change.now));
}

/** Without its counters and their sentence. */
function newsForOrder({ metadata, spec, status }: SubOrder): unknown {
  const { generation, deletionTimestamp, ownerReferences } = metadata;
  const how = status?.conditions?.map((condition) => [condition.type, condition.status, condition.reason]);
  return [generation, deletionTimestamp, ownerReferences, spec.attempt, status?.attempt, status?.notBefore, how];
}

function idsOf({ status }: Order): string[] {
  return status?.orderId === undefined ? [] : [String(status.orderId)];
}

function labelOf(object: KubeObject, label: string): string {
  return object.metadata.labels?.[label] ?? "";
}

function keyOf(object: KubeObject): string {
  return subOrderKey(labelOf(object, LABELS.order), labelOf(object, LABELS.subOrder));
}
