/**
 * One watcher's view of the log: which events concern it, and as what.
 * An object that starts to match a selector is ADDED for this watcher, one that ceases to match is DELETED, whatever happened in the store.
 */
import type { KubeObject } from "../object.ts";
import type { ListOptions } from "../request/list-options.ts";
import type { Kind } from "../resources/kind.ts";
import type { StoredEvent } from "../storage/event-log.ts";
import { matches } from "../verbs/list.ts";

export type WatchEvent = { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: KubeObject };

export type Interest = {
  readonly kind: Kind;
  readonly namespace: string;
  readonly options: Pick<ListOptions, "labels" | "fields">;
};

/** The event as this watcher sees it; `undefined` when it does not concern it. */
export function seenBy(event: StoredEvent, interest: Interest): WatchEvent | undefined {
  const { namespace, kind, options } = interest;
  if (namespace !== "" && event.object.metadata.namespace !== namespace) return undefined;
  const show = kind.strategy.convert?.fromStored ?? ((object: KubeObject) => object);
  const object = show(event.object);
  const before = event.before && show(event.before);
  const was = before !== undefined && matches(before, options);
  const is = event.type !== "DELETED" && matches(object, options);
  if (is) return { type: was ? "MODIFIED" : "ADDED", object };
  if (!was) return undefined;
  // The last state that the watcher knew, under the version at which it left.
  const left = { ...before, metadata: { ...before.metadata, resourceVersion: object.metadata.resourceVersion ?? "" } };
  return { type: "DELETED", object: event.type === "DELETED" ? object : left };
}
