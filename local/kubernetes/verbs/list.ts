/** Lists a collection: filtered, in pages, all of one moment. */
import type { Kube, Target } from "../kube.ts";
import type { KubeObject } from "../object.ts";
import type { ListOptions } from "../request/list-options.ts";
import { matchesFields, selectedName } from "../selectors/field-selector.ts";
import { matchesLabels } from "../selectors/label-selector.ts";
import { gone, tooLargeVersion } from "../status.ts";

export type Listed = {
  readonly items: readonly KubeObject[];
  readonly resourceVersion: string;
  readonly continueToken: string;
  readonly remaining: number;
};

export function matches(object: KubeObject, options: Pick<ListOptions, "labels" | "fields">): boolean {
  return matchesLabels(options.labels, object.metadata.labels) && matchesFields(options.fields, object);
}

/** The objects that a list starts from, in the form of this API version. */
function candidates(
  kube: Kube,
  target: Pick<Target, "kind" | "namespace">,
  options: ListOptions,
): readonly KubeObject[] {
  const collection = kube.store.collection(target.kind.storage);
  const name = selectedName(options.fields);
  const show = target.kind.strategy.convert?.fromStored;
  const place = target.kind.namespaced ? target.namespace : "";
  // A list of one name, as `kubectl wait` and `kubectl get -w` ask for, need not look at the others.
  if (name !== undefined && (place !== "" || !target.kind.namespaced)) {
    const found = collection.get(place, name);
    return found ? [show?.(found) ?? found] : [];
  }
  const all = collection.list(place);
  return show ? all.map(show) : all;
}

export function listObjects(kube: Kube, target: Pick<Target, "kind" | "namespace">, options: ListOptions): Listed {
  const current = kube.store.version;
  checkVersion(options, current);
  const start = options.continueToken === "" ? undefined : kube.snapshots.take(options.continueToken);
  const version = start?.version ?? current;
  const all = start?.items ?? candidates(kube, target, options).filter((object) => matches(object, options));
  const page = options.limit > 0 ? all.slice(0, options.limit) : all;
  const rest = all.length - page.length;
  return {
    items: page,
    resourceVersion: String(version),
    continueToken: rest > 0 ? kube.snapshots.keep(all.slice(page.length), version) : "",
    remaining: rest,
  };
}

function checkVersion(options: ListOptions, current: number): void {
  const asked = options.resourceVersion;
  if (asked === undefined || asked === 0) return;
  if (asked > current) throw tooLargeVersion(asked, current);
  if (options.match === "Exact" && asked !== current) {
    throw gone(`The resourceVersion for the provided list is too old: ${asked} (${current})`);
  }
}

export function listMetadata(listed: Listed): {
  resourceVersion: string;
  continue?: string;
  remainingItemCount?: number;
} {
  return {
    resourceVersion: listed.resourceVersion,
    ...(listed.continueToken && { continue: listed.continueToken, remainingItemCount: listed.remaining }),
  };
}
