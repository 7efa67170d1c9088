/** Small objects for tests of a Kubernetes API, and the content types of its patches. */
export function order(name: string, spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}) {
  return {
    apiVersion: "order.regards.io/v1alpha1",
    kind: "Order",
    metadata: { name, ...metadata },
    spec: { owner: "a@example.com", selections: [{ query: "x:1" }], ...spec },
  };
}

/** Several objects as kubectl takes them at once. */
export function listOf(items: readonly object[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

export function configMap(name: string, data: Record<string, string> = {}, metadata: Record<string, unknown> = {}) {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...metadata }, data };
}

export function job(name: string, spec: Record<string, unknown> = {}) {
  const template = { spec: { restartPolicy: "Never", containers: [{ name: "main", image: "busybox" }] } };
  return { apiVersion: "batch/v1", kind: "Job", metadata: { name }, spec: { suspend: true, template, ...spec } };
}

export const APPLY = { "content-type": "application/apply-patch+yaml" };
export const JSON_PATCH = { "content-type": "application/json-patch+json" };
export const STRATEGIC = { "content-type": "application/strategic-merge-patch+json" };
