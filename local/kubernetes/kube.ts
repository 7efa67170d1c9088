/** What every verb works on: the store, the kinds served now, the clock. One per server. */
import type { Logger } from "pino";
import type { PodLogs } from "./logs/pod-logs.ts";
import type { Kind } from "./resources/kind.ts";
import type { Registry } from "./resources/registry.ts";
import type { ObjectKey, ObjectStore } from "./storage/store.ts";
import type { ListSnapshots } from "./verbs/snapshots.ts";

export type Kube = {
  readonly store: ObjectStore;
  readonly registry: Registry;
  readonly snapshots: ListSnapshots;
  readonly now: () => Date;
  readonly logger: Logger;
  readonly podLogs: PodLogs | undefined;
};

/** The object or collection that a request is about. */
export type Target = {
  readonly kind: Kind;
  /** "" for cluster-wide kinds, and for a list over all namespaces. */
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
};

export function storeKey(target: Pick<Target, "kind" | "namespace" | "name">): ObjectKey {
  return { resource: target.kind.storage, namespace: target.namespace, name: target.name };
}
