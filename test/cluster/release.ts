/** The two charts on the test bed: the definitions once, a release for a tenant, and the rights that its Roles give. */
import { join } from "node:path";
import type { ClusterFacts } from "#test/support/cluster.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { testHelm } from "#test/support/helm.ts";
import { BLOBS_CLAIM, type TenantGround } from "./tenant-ground.ts";

const CHARTS = join(import.meta.dir, "../../charts");
export const RELEASE = "orders";
/** Start of the names of all that the release brings. */
export const FULLNAME = `${RELEASE}-regards-order`;

export type Rule = {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
};
export type Release = {
  /** Address of the API's Service. */
  readonly url: string;
  /** Rules of the Roles, by the account that has them. */
  rules(): Promise<Readonly<Record<string, readonly Rule[]>>>;
  /** Runs helm on the tenant's namespace; throws what it says of a failure. */
  helm(args: readonly string[], input?: string): Promise<string>;
  /** The same release with other values beside those that it has. */
  upgrade(values: object): Promise<void>;
};

/** Installs both charts and waits until the pods are ready; `values` beside, or instead of, the least that a tenant needs. */
export async function installRelease(ground: TenantGround, image: string, values: object = {}): Promise<Release> {
  const { namespace, cluster } = ground;
  const helm = await helmOn(cluster);
  const inNamespace: Release["helm"] = (args, input) => helm(["--namespace", namespace, ...args], input);
  const definitions = [
    "upgrade",
    "--install",
    "regards-order-crds",
    join(CHARTS, "regards-order-crds"),
    "--namespace",
    "default",
  ];
  // Helm refuses while another test beside this one installs them.
  const install = () => helm([...definitions, "--take-ownership"]);
  await eventually("the definitions are installed", install, LIMIT.slow);
  const tokens = { secret: "a secret of the tests, long enough for the signature" };
  await ground.apply({ apiVersion: "v1", kind: "Secret", metadata: { name: "tokens", namespace }, stringData: tokens });
  const chart = [RELEASE, join(CHARTS, "regards-order"), "--wait", "--timeout=2m", "--values=-"];
  await inNamespace(["install", ...chart], JSON.stringify({ ...valuesFor(image, ground), ...values }));
  const address = await ground.kubectl(["get", "service", `${FULLNAME}-api`, "-o", "jsonpath={.spec.clusterIP}"]);
  return {
    url: `http://${address}`,
    helm: inNamespace,
    async upgrade(values) {
      await inNamespace(["upgrade", ...chart, "--reuse-values"], JSON.stringify(values));
    },
    async rules() {
      const { items } = JSON.parse(await ground.kubectl(["get", "roles", "-o", "json"])) as {
        items: { metadata: { name: string }; rules: Rule[] }[];
      };
      return Object.fromEntries(items.map(({ metadata, rules }) => [metadata.name.replace(`${FULLNAME}-`, ""), rules]));
    },
  };
}

function valuesFor(image: string, { networkPolicy }: TenantGround) {
  const [repository, tag] = image.split(":");
  return {
    publicUrl: "https://archive.example.org",
    image: { repository, tag, pullPolicy: "Never" },
    database: { existingSecret: "database" },
    jwt: { existingSecret: "tokens" },
    blobs: { existingClaim: BLOBS_CLAIM },
    jobs: { backoffLimit: 2, deadlineSeconds: 600 },
    networkPolicy,
  };
}

async function helmOn(cluster: ClusterFacts): Promise<Release["helm"]> {
  const helm = await testHelm();
  if (!helm) throw new Error("Cannot install: there is no helm");
  return async (args, input) => {
    const { code, stdout, stderr } = await helm(["--kubeconfig", cluster.kubeconfig, ...args], input);
    if (code !== 0) throw new Error(`helm ${args.join(" ")} ended with ${code}: ${stderr}`);
    return stdout;
  };
}
