/** What the reader and the writer of an order reach the world through. */
import type { Logger } from "pino";
import type { Catalogue } from "#catalog/catalogue.ts";
import type { Order } from "#crds/order.ts";
import type { Process } from "#crds/process.ts";
import type { SubOrder } from "#crds/suborder.ts";
import type { Cache } from "#kube/cache.ts";
import type { EventRecorder } from "#kube/events.ts";
import type { Job, Pod } from "#kube/kinds.ts";
import type { ResourceApi } from "#kube/resource.ts";
import type { Transport } from "#kube/transport.ts";
import type { Db } from "#store/db.ts";
import type { OperatorConfig } from "../config.ts";
import type { Departures } from "./departures.ts";
import type { HeldBack } from "./observed.ts";

export type OrderPorts = {
  readonly db: Db;
  readonly catalogue: Catalogue;
  readonly orders: { readonly cache: Cache<Order>; readonly api: ResourceApi<Order> };
  readonly processes: { readonly api: ResourceApi<Process> };
  readonly subOrders: { readonly cache: Cache<SubOrder>; readonly api: ResourceApi<SubOrder> };
  readonly jobs: { readonly cache: Cache<Job> };
  readonly pods: { readonly cache: Cache<Pod> };
  readonly departures: Departures;
  /** For the namespace, which is asked for as it is now. */
  readonly transport: Transport;
  readonly recorder: EventRecorder;
  /** What the scheduler's last pass said of an order. */
  readonly heldBack: (orderId: number) => HeldBack | undefined;
  readonly config: Pick<OperatorConfig, "publicUrl" | "prefix">;
  readonly now: () => Date;
  readonly logger: Logger;
};

/** Index of the caches of SubOrders, Jobs and pods: by the order's number, as their label has it. */
export const BY_ORDER = "order";
