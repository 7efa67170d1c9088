/** Counts what a role asks of the API server, by method, kind and answer: the first thing to look at when a cluster complains. */
import type { Transport } from "#kube/transport.ts";
import type { Registry } from "./registry.ts";

const SECONDS = [0.005, 0.025, 0.1, 0.5, 1, 5, 30];
/** `/apis/GROUP/VERSION/namespaces/NAMESPACE/PLURAL…`, or `/api/v1/…` of the core group. */
const KIND = /^\/apis?\/(?:[^/]+\/)?[^/]+\/(?:namespaces\/[^/]+\/)?([a-z]+)/;

export function countedTransport(registry: Registry, transport: Transport): Transport {
  const requests = registry.counter(
    "regards_order_kubernetes_requests_total",
    "Requests to the API server; code 0: no answer.",
  );
  const seconds = registry.histogram(
    "regards_order_kubernetes_request_duration_seconds",
    "Until the answer began.",
    SECONDS,
  );
  return {
    ...transport,
    async fetch(path, init) {
      const resource = KIND.exec(path)?.[1] ?? "other";
      const labels = { method: init.long ? "WATCH" : init.method, resource };
      const started = performance.now();
      let code = 0;
      try {
        const response = await transport.fetch(path, init);
        code = response.status;
        return response;
      } finally {
        requests.add(1, { ...labels, code: String(code) });
        seconds.observe((performance.now() - started) / 1000, labels);
      }
    },
  };
}
