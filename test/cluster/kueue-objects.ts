/** What an administrator applies to a cluster to have Kueue in it, read from its own sources, and how all of it is taken away again. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { GROUP } from "#crds/names.ts";
import { listOf } from "#test/support/kube-objects.ts";

export const NAMESPACE = "kueue-system";
export const ACCOUNT = "kueue-controller-manager";
const ROLE = "kueue-manager-role";
const WEBHOOKS = "kueue-webhooks";
const DEFINITIONS = "config/components/crd/bases";
/** Of the kinds that Kueue knows, those that are on the test bed. */
const GROUPS = ["batch", "kueue.x-k8s.io"];
const NAMESPACED = ["jobs", "workloads", "workloads/status", "localqueues"];

type Kubectl = (args: readonly string[], input?: string) => Promise<string>;
type Webhook = {
  readonly clientConfig: { readonly service: { readonly path: string } };
  readonly rules: readonly { readonly apiGroups: readonly string[]; readonly resources: readonly string[] }[];
};
type WebhookConfiguration = { readonly webhooks: readonly Webhook[] };

/** Definitions, namespace, account and role. */
export async function installKueue(kubectl: Kubectl, source: string): Promise<void> {
  await kubectl(["apply", "--server-side", "--force-conflicts", "-f", join(source, DEFINITIONS)]);
  await kubectl(["apply", "-f", "-"], listOf(await accountWithRole(source)));
  await kubectl(["wait", "--for=condition=Established", "--timeout=60s", ...(await definitions(source))]);
}

/** Webhooks first: nobody waits for one whose server is about to end. Kueue itself must still run, it takes its finalizers off. */
export async function removeKueue(kubectl: Kubectl, source: string): Promise<void> {
  const gone = ["--ignore-not-found", "--timeout=60s"];
  await kubectl(["delete", "mutatingwebhookconfiguration,validatingwebhookconfiguration", WEBHOOKS, ...gone]);
  await kubectl(["delete", ...(await definitions(source)), ...gone]);
  await kubectl(["delete", "-f", "-", ...gone], listOf(await accountWithRole(source)));
}

/** Its webhooks for Jobs and for its own kinds, called at a URL. */
export async function kueueWebhooks(
  source: string,
  o: { readonly namespace: string; readonly url: string; readonly ca: string },
): Promise<readonly object[]> {
  const namespaceSelector = { matchLabels: { "kubernetes.io/metadata.name": o.namespace } };
  const configurations = (await yaml(source, "config/components/webhook/manifests.yaml")) as WebhookConfiguration[];
  return configurations.map((configuration) => ({
    ...configuration,
    metadata: { name: WEBHOOKS },
    webhooks: configuration.webhooks
      .filter(({ rules }) => rules.every(({ apiGroups }) => apiGroups.every((group) => GROUPS.includes(group))))
      .map((webhook) => ({
        ...webhook,
        clientConfig: { url: `${o.url}${webhook.clientConfig.service.path}`, caBundle: btoa(o.ca) },
        ...(isNamespaced(webhook) ? { namespaceSelector } : {}),
      })),
  }));
}

function isNamespaced({ rules }: Webhook): boolean {
  return rules.every(({ resources }) => resources.every((resource) => NAMESPACED.includes(resource)));
}

async function definitions(source: string): Promise<readonly string[]> {
  const files = await readdir(join(source, DEFINITIONS));
  return files.sort().map((file) => {
    const [group = "", plural = ""] = file.replace(/\.yaml$/, "").split("_");
    return `crd/${plural}.${group}`;
  });
}

async function accountWithRole(source: string): Promise<readonly object[]> {
  const [role] = (await yaml(source, "config/components/rbac/role.yaml")) as { readonly rules: readonly object[] }[];
  const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: ROLE };
  // Kueue 0.11.4 alone reads the owners of each Job (its issue 5235, mended in 0.11.5).
  const owners = { apiGroups: [GROUP], resources: ["suborders", "orders"], verbs: ["get", "list", "watch"] };
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } },
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: ACCOUNT, namespace: NAMESPACE } },
    { ...role, metadata: { name: ROLE }, rules: [...(role?.rules ?? []), owners] },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: ROLE },
      roleRef,
      subjects: [{ kind: "ServiceAccount", name: ACCOUNT, namespace: NAMESPACE }],
    },
  ];
}

/** The documents of a file. */
async function yaml(source: string, path: string): Promise<unknown[]> {
  const documents: unknown = Bun.YAML.parse(await Bun.file(join(source, path)).text());
  return [documents].flat().filter((document) => document !== null);
}
