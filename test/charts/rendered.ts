/** The tenant chart as Helm renders it: its objects by kind and name, and its refusals. */
import { join } from "node:path";
import type { Helm } from "#test/support/helm.ts";

export const CHARTS = join(import.meta.dir, "../../charts");

/** The least that an installation says. */
export const LEAST = {
  publicUrl: "https://orders.example.org",
  database: { existingSecret: "orders" },
  jwt: { existingSecret: "orders" },
  blobs: { existingClaim: "blobs" },
};

/** Everything that can be switched on. */
export const MOST = {
  ...LEAST,
  image: { digest: `sha256:${"a".repeat(64)}`, pullSecrets: ["registry"] },
  blobs: { s3: { bucket: "orders", prefix: "/kept/", endpoint: "https://s3.example.org", existingSecret: "s3" } },
  sources: { s3: { existingSecret: "sources" } },
  mail: { existingSecret: "mail", from: "orders@example.org", replyTo: "help@example.org" },
  oidc: { issuers: [{ issuer: "https://login.example.org", audience: "orders" }] },
  amqp: { enabled: true, existingSecret: "amqp", keda: { enabled: true } },
  api: {
    autoscaling: { enabled: true },
    podLabels: { team: "data" },
    podAnnotations: { note: "x" },
    annotations: { reload: "true" },
  },
  jobs: { queueName: "archive", temporarySpace: "20Gi", tolerations: [{ key: "x", operator: "Exists" }] },
  ingress: { enabled: true, className: "public", tlsSecret: "tls" },
  httpRoute: { enabled: true, parentRefs: [{ name: "public" }] },
  extraEnv: [{ name: "NODE_EXTRA_CA_CERTS", value: "/ca/ca.crt" }],
  extraVolumes: [{ name: "ca", configMap: { name: "ca" } }],
  extraVolumeMounts: [{ name: "ca", mountPath: "/ca", readOnly: true }],
  tracing: { endpoint: "http://collector:4318" },
  hostAliases: [{ ip: "10.0.0.1", hostnames: ["postgres"] }],
};

// Rendered objects are of every kind there is.
// biome-ignore lint/suspicious/noExplicitAny: tests look into them at any depth
export type Rendered = any;

export type Objects = {
  readonly all: readonly Rendered[];
  of(kind: string): readonly Rendered[];
  one(kind: string, name: string): Rendered;
};

/** Renders release `orders` in namespace `landsat`; throws what Helm says where it refuses. */
export async function render(helm: Helm, values: object, o: { release?: string } = {}): Promise<Objects> {
  const args = ["template", o.release ?? "orders", join(CHARTS, "regards-order"), "-n", "landsat", "-f", "-"];
  const { code, stdout, stderr } = await helm(args, JSON.stringify(values));
  if (code !== 0) throw new Error(stderr);
  const parsed = Bun.YAML.parse(stdout) as Rendered;
  const all = (Array.isArray(parsed) ? parsed : [parsed]).filter((object: Rendered) => object !== null);
  const of = (kind: string) => all.filter((object: Rendered) => object.kind === kind);
  return {
    all,
    of,
    one(kind, name) {
      const found = of(kind).find((object: Rendered) => object.metadata.name === name);
      if (!found)
        throw new Error(`Cannot find ${kind} '${name}' among ${of(kind).map((x: Rendered) => x.metadata.name)}`);
      return found;
    },
  };
}
