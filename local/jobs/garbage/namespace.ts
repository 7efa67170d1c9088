/** Ends a namespace that is being deleted: everything in it goes first, pods in their own time, then the namespace is let go. */
import type { Namespace } from "#kube/kinds.ts";
import { pause } from "#kube/pause.ts";
import { resourceApi } from "#kube/resource.ts";
import type { Transport } from "#kube/transport.ts";
import { discover } from "./discovery.ts";

const POLL_MS = 100;

/** Empties and finalizes the namespace; throws what goes wrong, to be called again. */
export async function endNamespace(transport: Transport, namespace: Namespace, signal: AbortSignal): Promise<void> {
  const { name } = namespace.metadata;
  while ((await emptyOnce(transport, name, signal)) > 0) await pause(POLL_MS, signal);
  const body = JSON.stringify({ ...namespace, apiVersion: "v1", kind: "Namespace", spec: { finalizers: [] } });
  const headers = { "content-type": "application/json" };
  const path = `/api/v1/namespaces/${encodeURIComponent(name)}/finalize`;
  const response = await transport.fetch(path, { method: "PUT", body, headers, signal });
  await response.body?.cancel();
  if (!response.ok && response.status !== 404) {
    throw new Error(`Cannot finalize namespace '${name}': answered ${response.status}`);
  }
}

/** Asks everything in the namespace to go; answers how much was still there. */
async function emptyOnce(transport: Transport, name: string, signal: AbortSignal): Promise<number> {
  const types = (await discover(transport, signal)).filter((type) => type.clusterScoped !== true);
  let left = 0;
  for (const type of types) {
    const api = resourceApi(transport, type, { namespace: name });
    const { items } = await api.list({ signal });
    left += items.length;
    for (const { metadata } of items) {
      if (metadata.deletionTimestamp === undefined)
        await api.delete(metadata.name, { uid: metadata.uid ?? "", signal });
    }
  }
  return left;
}
