/**
 * The resources as the API server knows them: path words, short names, and the columns of `kubectl get`.
 * `ORDERS`, `SUBORDERS` and `PROCESSES` are what `kube/` needs to talk about them; the CRDs are generated from the same entries.
 */
import { GROUP, VERSION } from "./names.ts";
import type { Order } from "./order.ts";
import type { Process } from "./process.ts";
import type { SubOrder } from "./suborder.ts";

export type CustomResource<T> = {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  /** Never there: it carries the object's type. */
  readonly object?: T;
};

export const ORDERS: CustomResource<Order> = { group: GROUP, version: VERSION, plural: "orders", kind: "Order" };
export const SUBORDERS: CustomResource<SubOrder> = {
  group: GROUP,
  version: VERSION,
  plural: "suborders",
  kind: "SubOrder",
};
export const PROCESSES: CustomResource<Process> = {
  group: GROUP,
  version: VERSION,
  plural: "processes",
  kind: "Process",
};
