/** What the reader and the writer of a SubOrder reach the world through. */
import type { Process } from "#crds/process.ts";
import type { SubOrder } from "#crds/suborder.ts";
import type { Cache } from "#kube/cache.ts";
import type { EventRecorder } from "#kube/events.ts";
import type { Job, Pod } from "#kube/kinds.ts";
import type { ResourceApi } from "#kube/resource.ts";
import type { Db } from "#store/db.ts";
import type { JobConfig } from "../config.ts";

export type SubOrderPorts = {
  readonly db: Db;
  readonly subOrders: { readonly cache: Cache<SubOrder>; readonly api: ResourceApi<SubOrder> };
  readonly jobs: { readonly cache: Cache<Job>; readonly api: ResourceApi<Job> };
  readonly pods: { readonly cache: Cache<Pod> };
  readonly processes: { readonly cache: Cache<Process>; readonly api: ResourceApi<Process> };
  readonly recorder: EventRecorder;
  readonly config: JobConfig;
  readonly now: () => Date;
};

/** Index of the Job and Pod caches: by `subOrderKey` of their labels. */
export const BY_SUBORDER = "suborder";

export function subOrderKey(orderId: number | string, number: number | string): string {
  return `${orderId}/${number}`;
}
