/**
 * The roles of a cluster as real processes: PostgreSQL, the local Kubernetes with what runs its Jobs, a source of files, and a door to
 * Kubernetes for each process, so that it is known who wrote what and when, and a door can be shut.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { LEASES } from "#kube/kinds.ts";
import { resourceApi } from "#kube/resource.ts";
import { startedAtOnce } from "#local/kubernetes/auth/listener.ts";
import { connect, tenantSchema } from "#store/db.ts";
import { migrate } from "#store/migrate.ts";
import { writeSetting } from "#store/settings.ts";
import { setPassword, upsertUser } from "#store/users.ts";
import { temporaryFolder } from "./folder.ts";
import { localCluster, NAMESPACE } from "./local-cluster.ts";
import { addProduct } from "./product.ts";
import { PROGRAM } from "./program.ts";
import { type RoleProcess, startRole } from "./role.ts";
import { sourceServer } from "./source-server.ts";

export const TENANT = "roles";
export const USER = "ada@example.org";
export const PASSWORD = "correct horse battery staple";
export const PUBLIC_URL = "https://archive.example.org";

export type Write = { readonly who: string; readonly what: string; readonly at: number };
export type RolesWorld = Awaited<ReturnType<typeof rolesWorld>>;

/** `jobEnv`: more variables of the Jobs. */
export async function rolesWorld(label: string, jobEnv: Readonly<Record<string, string>> = {}) {
  const cluster = await localCluster(label);
  const folder = temporaryFolder(label);
  const source = await sourceServer();
  const databaseUrl = cluster.databaseUrl;
  const schema = tenantSchema(TENANT);
  const db = connect(databaseUrl, { schema });
  const writes: Write[] = [];
  const started: RoleProcess[] = [];
  const doors = new Map<string, { readonly port: number; readonly server: Bun.Server<undefined> }>();
  const blobsUrl = pathToFileURL(join(folder.path, "blobs")).href;
  const jobFile = join(folder.path, "jobs.yaml");
  await resourceApi(cluster.transport, { group: "", version: "v1", plural: "secrets", kind: "Secret" }).create({
    metadata: { name: "database" },
    ...{ stringData: { url: databaseUrl } },
  });
  writeFileSync(jobFile, Bun.YAML.stringify(jobFileFor(blobsUrl, jobEnv)));

  function openDoor(who: string): number {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: doors.get(who)?.port ?? 0,
      idleTimeout: 255,
      async fetch(request) {
        const { pathname, searchParams } = new URL(request.url);
        if (request.method !== "GET") {
          writes.push({ who, what: `${request.method} ${pathname}`, at: performance.now() });
        }
        const answer = await cluster.server.handle(request);
        return searchParams.has("watch") ? startedAtOnce(answer) : answer;
      },
    });
    const { port = 0 } = server;
    doors.set(who, { port, server });
    return port;
  }

  /** A kubeconfig that leads through a door of its own. */
  function kubeconfig(who: string): string {
    const port = openDoor(who);
    const path = join(folder.path, `${who}.kubeconfig`);
    const named = { name: "local" };
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ ...named, cluster: { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } }],
      users: [{ ...named, user: { token: "none" } }],
      contexts: [{ ...named, context: { cluster: "local", user: "local", namespace: NAMESPACE } }],
      "current-context": "local",
    };
    writeFileSync(path, JSON.stringify(config));
    return path;
  }

  return {
    db,
    databaseUrl,
    transport: cluster.transport,
    jobs: cluster.jobs,
    /** `kubectl logs` of every pod there is, line by line. */
    async podLogs(): Promise<readonly string[]> {
      const { items } = await cluster.pods.list();
      const logs = items.map(async ({ metadata }) => {
        const path = `/api/v1/namespaces/${NAMESPACE}/pods/${metadata.name}/log`;
        return await (await cluster.transport.fetch(path, { method: "GET" })).text();
      });
      return (await Promise.all(logs)).flatMap((text) => text.split("\n").filter((line) => line !== ""));
    },
    writes,
    source,
    folder: folder.path,
    /** Cuts this process off from Kubernetes. */
    shut: (who: string) => doors.get(who)?.server.stop(true),
    open: (who: string) => void openDoor(who),
    leaseHolder: async () =>
      (await resourceApi(cluster.transport, LEASES).get("regards-order-operator"))?.spec?.holderIdentity,
    /** Brings up the schema, a user and room for the source's address. */
    async prepare(): Promise<void> {
      await migrate(databaseUrl, { schema });
      await upsertUser(db, { email: USER, role: "REGISTERED_USER", groups: [], active: true });
      await setPassword(db, USER, PASSWORD);
      await writeSetting(db, "allowed_private_networks", [`127.0.0.1:${source.port}`]);
    },
    /** A product of one file at the source. */
    async product(name: string, bytes: Uint8Array): Promise<void> {
      source.files.set(`/${name}`, { bytes });
      const properties = { name: [name] };
      await addProduct(db, { name, bytes: bytes.length, uri: `${source.url}/${name}`, properties }, new Date());
    },
    /** Starts a role; `who` names it in `writes` and in the lease. */
    async start(
      who: string,
      role: "api" | "operator" | "amqp",
      env: Readonly<Record<string, string>> = {},
    ): Promise<RoleProcess> {
      const process = await startRole(role, {
        ORDER_TENANT: TENANT,
        ORDER_NAMESPACE: NAMESPACE,
        ORDER_DATABASE_URL: databaseUrl,
        ORDER_KUBECONFIG: kubeconfig(who),
        ORDER_BLOBS_URL: blobsUrl,
        ORDER_PUBLIC_URL: PUBLIC_URL,
        ORDER_HEALTH_PORT: "0",
        ORDER_POD_NAME: who,
        ...(role === "api"
          ? {
              ORDER_HOST: "127.0.0.1",
              ORDER_PORT: "0",
              ORDER_JWT_SECRET: "a secret of the tests, long enough for the signature",
            }
          : { ORDER_JOB_CONFIG: jobFile }),
        ...env,
      });
      started.push(process);
      return process;
    },
    async close(): Promise<void> {
      await Promise.all(started.map((each) => each.end("SIGKILL")));
      await Promise.all([...doors.values()].map(({ server }) => server.stop(true)));
      source.stop();
      await db.end({ timeout: 1 });
      await cluster.close();
      folder.remove();
    },
  };
}

/** As a chart writes it: nothing secret in it, only names of where the secrets are. */
function jobFileFor(blobsUrl: string, jobEnv: Readonly<Record<string, string>>) {
  return {
    image: "regards-order:local",
    command: PROGRAM,
    args: ["worker"],
    env: [
      { name: "ORDER_TENANT", value: TENANT },
      { name: "ORDER_BLOBS_URL", value: blobsUrl },
      ...Object.entries(jobEnv).map(([name, value]) => ({ name, value })),
      { name: "ORDER_DATABASE_URL", valueFrom: { secretKeyRef: { name: "database", key: "url" } } },
    ],
    podLabels: { "example.org/purpose": "orders" },
    runAs: { user: 65532, group: 65532, fsGroup: 65532 },
    temporarySpace: "1Gi",
    queueName: "archive",
    backoffLimit: 2,
    deadlineSeconds: 600,
    ttlSeconds: 300,
  };
}
