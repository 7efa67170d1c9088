/**
 * What a tenant on the test bed is given by its administrator: a namespace with the restricted rules, a database and a source of files on this machine,
 * a volume for blobs that many pods may write. What runs in it is brought by the test.
 */
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { customResourceDefinitions } from "#crds/definitions.ts";
import { kubeconfigTransport } from "#kube/kubeconfig.ts";
import { connect, tenantSchema } from "#store/db.ts";
import { migrate } from "#store/migrate.ts";
import { writeSetting } from "#store/settings.ts";
import { setPassword, upsertUser } from "#store/users.ts";
import type { ClusterFacts } from "#test/support/cluster.ts";
import { testDatabase } from "#test/support/database.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { temporaryFolder } from "#test/support/folder.ts";
import { listOf } from "#test/support/kube-objects.ts";
import { addProduct } from "#test/support/product.ts";
import { type Finished, run } from "#test/support/run-command.ts";
import { type SourceFile, sourceServer } from "#test/support/source-server.ts";
import { tcpProxy } from "#test/support/tcp-proxy.ts";

export const ADA = "ada@example.org";
export const PASSWORD = "correct horse battery staple";
export const BLOBS_CLAIM = "blobs";
const BLOBS_PATH = "/blobs";
const RESTRICTED = { "pod-security.kubernetes.io/enforce": "restricted" };

export type TenantGround = Awaited<ReturnType<typeof tenantGround>>;

export async function tenantGround(cluster: ClusterFacts, label: string) {
  const namespace = `${label}-${crypto.randomUUID().slice(0, 8)}`;
  const folder = temporaryFolder(label);
  const database = await testDatabase(label);
  const direct = new URL(database.url);
  const door = await tcpProxy({ host: direct.hostname, port: Number(direct.port || 5432) }, cluster.machine);
  const fromPods = new URL(database.url);
  fromPods.host = `${cluster.machine}:${door.port}`;
  const source = await sourceServer({}, cluster.machine);
  const schema = tenantSchema(namespace);
  const db = connect(database.url, { schema });

  const attempt = (args: readonly string[], input?: string): Promise<Finished> =>
    run(
      ["kubectl", "--kubeconfig", cluster.kubeconfig, "-n", namespace, ...args],
      input === undefined ? {} : { input },
    );
  /** Standard output of a kubectl command that must succeed. */
  async function kubectl(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await attempt(args, input);
    if (code !== 0) throw new Error(`kubectl ${args.join(" ")} ended with ${code}: ${stderr}`);
    return stdout.trimEnd();
  }
  const get = (what: string, path: string) => kubectl(["get", ...what.split(" "), "-o", `jsonpath=${path}`]);
  const apply = (...objects: readonly object[]) => kubectl(["apply", "-f", "-"], listOf(objects));

  /** Everything that could tell why something did not come about. */
  async function story(): Promise<string> {
    const parts = [
      ["get", "orders,suborders,jobs,pods", "-o", "wide"],
      ["get", "orders,suborders", "-o", 'jsonpath={range .items[*]}{.metadata.name} {.status}{"\\n"}{end}'],
      ["get", "events"],
      ["logs", "--all-containers", "--prefix", "--tail=20", "-l", "app.kubernetes.io/managed-by=regards-order"],
    ].map((args) => attempt(args));
    return (await Promise.all(parts)).map(({ stdout, stderr }) => stdout + stderr).join("\n");
  }

  const blobs = join(folder.path, "blobs");
  await mkdir(blobs);
  await chmod(blobs, 0o777);
  await migrate(db, { schema });
  await upsertUser(db, { email: ADA, role: "REGISTERED_USER", groups: [], active: true });
  await setPassword(db, ADA, PASSWORD);
  await writeSetting(db, "allowed_private_networks", [`${cluster.machine}/32`]);
  await installDefinitions(kubectl);
  const makeNamespace = () =>
    apply(
      { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels: RESTRICTED } },
      volume(namespace, blobs),
      {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        metadata: { name: BLOBS_CLAIM, namespace },
        spec: {
          ...SIZE,
          storageClassName: "",
          volumeName: `blobs-${namespace}`,
          resources: { requests: { storage: "1Gi" } },
        },
      },
      {
        apiVersion: "v1",
        kind: "Secret",
        metadata: { name: "database", namespace },
        stringData: { url: fromPods.href },
      },
    );
  async function deleteNamespace(): Promise<void> {
    await kubectl(["delete", "namespace", namespace, "--ignore-not-found", "--timeout=90s"]);
    await kubectl(["delete", "persistentvolume", `blobs-${namespace}`, "--ignore-not-found", "--timeout=20s"]);
  }
  await makeNamespace();
  return {
    cluster,
    namespace,
    db,
    databaseUrl: database.url,
    schema,
    /** Cut, refuse or silence what pods say to the database. */
    databaseDoor: door,
    source,
    /** Values of the chart that let a release's pods reach what is on this machine. */
    networkPolicy: { servicePorts: [door.port, source.port], jobPorts: [door.port, source.port] },
    /** Blobs as pods see them, and as this machine does. */
    blobsUrl: pathToFileURL(BLOBS_PATH).href,
    blobsHere: pathToFileURL(blobs).href,
    transport: await kubeconfigTransport({ path: cluster.kubeconfig, namespace }),
    kubectl,
    /** What a path of jsonpath gives of objects, `order walk` or `pods -l app=x`. */
    get,
    /** A kubectl command that may fail. */
    tryKubectl: attempt,
    apply,
    /** Products of one file each at the source, found by `name:"…"`. */
    async products(name: string, files: readonly Uint8Array[], answers: Partial<SourceFile> = {}): Promise<void> {
      for (const [index, bytes] of files.entries()) {
        source.files.set(`/${name}-${index}`, { bytes, ...answers });
        const uri = `${source.url}/${name}-${index}`;
        const one = { name: `${name}-${index}`, bytes: bytes.length, uri, properties: { name: [name] } };
        await addProduct(db, one, new Date());
      }
    },
    /** `kubectl apply` of an order of what `products` made under that name. */
    order(name: string, spec: Readonly<Record<string, unknown>> = {}): Promise<string> {
      const selections = [{ query: `name:"${name}"` }];
      return apply({
        apiVersion: "order.regards.io/v1alpha1",
        kind: "Order",
        metadata: { name, namespace },
        spec: { owner: ADA, selections, ...spec },
      });
    },
    /** `kubectl wait` for a condition of an order, `Succeeded` or `Succeeded=False`. */
    async wait(name: string, condition: string, seconds: number = 100): Promise<void> {
      const wanted = ["wait", `--for=condition=${condition}`, `order/${name}`, `--timeout=${seconds}s`];
      await kubectl(wanted).catch(async (cause: unknown) => {
        throw new Error(`Waited in vain for ${condition} of '${name}':\n${await story()}`, { cause });
      });
    },
    /** Resolves when the pod of an order's first sub-order runs. */
    async aPodRuns(name: string): Promise<void> {
      const phases = () => get(`pods -l batch.kubernetes.io/job-name=${name}-1-a1`, "{.items[*].status.phase}");
      await eventually(`a pod of ${name} runs`, async () => (await phases()).includes("Running"), LIMIT.slow);
    },
    /** With what it held, but not what the database and the blobs remember. */
    deleteNamespace,
    /** Another of the same name, with what an administrator puts into it. */
    makeNamespace,
    async close(): Promise<void> {
      try {
        await deleteNamespace();
      } finally {
        source.stop();
        await door.stop();
        await db.end({ timeout: 1 });
        await database.drop();
        folder.remove();
      }
    },
  };
}

const SIZE = { accessModes: ["ReadWriteMany"] };

function volume(namespace: string, path: string) {
  const capacity = { storage: "1Gi" };
  const claimRef = { apiVersion: "v1", kind: "PersistentVolumeClaim", name: BLOBS_CLAIM, namespace };
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: `blobs-${namespace}` },
    spec: {
      ...SIZE,
      capacity,
      claimRef,
      storageClassName: "",
      hostPath: { path },
      persistentVolumeReclaimPolicy: "Retain",
    },
  };
}

async function installDefinitions(
  kubectl: (args: readonly string[], input?: string) => Promise<string>,
): Promise<void> {
  const items = customResourceDefinitions();
  await kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], listOf(items));
  const names = items.map(({ metadata }) => `crd/${metadata.name}`);
  await kubectl(["wait", "--for=condition=Established", "--timeout=30s", ...names]);
  await eventually("orders are served", () => kubectl(["get", "orders"]).then(() => true), LIMIT.slow);
}
