/**
 * In place of Kueue, which takes long to build: what it does to a Job, from outside and with the same requests (bench/kueue.ts has the real one). A webhook
 * suspends each Job that names a queue when it is made; `admit` lets it run with a flavour's node labels in its pods; `preempt` puts it back, without those.
 */

import { LABELS } from "#crds/names.ts";
import { testAuthority } from "#test/support/certificates.ts";
import { CERTIFICATES_LAST_MS } from "./control-plane.ts";
import type { TenantGround } from "./tenant-ground.ts";

const STOPPING = "kueue.x-k8s.io/stopping";
const FLAVOUR = { "kubernetes.io/os": "linux" };

type Review = { readonly request: { readonly uid: string } };

export async function queueInPlace({ cluster, namespace, apply, kubectl }: TenantGround) {
  const authority = await testAuthority(CERTIFICATES_LAST_MS);
  const { cert, key } = await authority.issue("CN=queue", [cluster.machine]);
  const suspend = JSON.stringify([{ op: "add", path: "/spec/suspend", value: true }]);
  const server = Bun.serve({
    hostname: cluster.machine,
    port: 0,
    tls: { cert, key },
    async fetch(request) {
      const { uid } = ((await request.json()) as Review).request;
      const response = { uid, allowed: true, patchType: "JSONPatch", patch: btoa(suspend) };
      return Response.json({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response });
    },
  });
  const name = `queue-${namespace}`;
  await apply({
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingWebhookConfiguration",
    metadata: { name },
    webhooks: [
      {
        name: "jobs.queue.example.org",
        admissionReviewVersions: ["v1"],
        sideEffects: "None",
        failurePolicy: "Fail",
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
        objectSelector: { matchExpressions: [{ key: LABELS.kueueQueue, operator: "Exists" }] },
        rules: [{ apiGroups: ["batch"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["jobs"] }],
        clientConfig: { url: `https://${cluster.machine}:${server.port}/`, caBundle: btoa(authority.ca) },
      },
    ],
  });
  const patch = (job: string, change: object, ...more: readonly string[]) =>
    kubectl(["patch", "job", job, "--type=merge", "-p", JSON.stringify(change), ...more]);
  const withFlavour = (nodeSelector: object | null) => ({ template: { spec: { nodeSelector } } });
  return {
    admit: (job: string) => patch(job, { spec: { suspend: false, ...withFlavour(FLAVOUR) } }),
    async preempt(job: string): Promise<void> {
      await patch(job, { metadata: { annotations: { [STOPPING]: "true" } }, spec: { suspend: true } });
      await patch(job, { status: { startTime: null } }, "--subresource=status");
      await patch(job, { metadata: { annotations: { [STOPPING]: null } }, spec: withFlavour(null) });
    },
    async close(): Promise<void> {
      await kubectl(["delete", "mutatingwebhookconfiguration", name]);
      await server.stop(true);
    },
  };
}
