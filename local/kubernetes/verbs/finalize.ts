/** `PUT namespaces/{name}/finalize`: whoever has emptied a namespace lets it go. The namespace ends when it is deleted and nothing holds it. */
import { type Kube, storeKey, type Target } from "../kube.ts";
import { at, type KubeObject, listOf } from "../object.ts";
import { conflict, notFound } from "../status.ts";

/** Takes over `spec.finalizers` of what was sent; nothing else of it counts. */
export function finalizeNamespace(kube: Kube, target: Target, sent: unknown): Promise<KubeObject> {
  const key = storeKey(target);
  return kube.store.exclusive(key, async () => {
    const stored = kube.store.collection(key.resource).get(key.namespace, key.name);
    if (!stored) throw notFound(target.kind, target.name);
    const { uid, deletionTimestamp, finalizers = [] } = stored.metadata;
    const meant = at(sent, "metadata", "uid");
    if (meant !== undefined && meant !== uid) {
      throw conflict(target.kind, target.name, `the UID is ${uid}, not ${String(meant)}`);
    }
    const left = listOf(at(sent, "spec", "finalizers"));
    const next = { ...stored, spec: { finalizers: left } };
    const over = deletionTimestamp !== undefined && left.length === 0 && finalizers.length === 0;
    return (await kube.store.commit(key, over ? undefined : next)) ?? next;
  });
}
