/**
 * A tenant with orders of many sub-orders on a node of kwok, for what counts: the operator as a process of its own with an account of its own, so that
 * the API server's audit log tells its requests from all others. Its workers are played (played-workers.ts).
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import pino from "pino";
import { API_VERSION } from "#crds/names.ts";
import type { Order } from "#crds/order.ts";
import { ORDERS } from "#crds/resource-types.ts";
import { resourceApi } from "#kube/resource.ts";
import type { JobConfig } from "#operator/config.ts";
import { writeSetting } from "#store/settings.ts";
import { upsertUser } from "#store/users.ts";
import type { ClusterFacts } from "#test/support/cluster.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { temporaryFolder } from "#test/support/folder.ts";
import { type RoleProcess, startRole } from "#test/support/role.ts";
import { KWOK_PLACE } from "./kwok.ts";
import { playWorkers } from "./played-workers.ts";
import { tenantGround } from "./tenant-ground.ts";

export type ScaleSize = { readonly orders: number; readonly subOrders: number };

const ACCOUNT = "operator";
const FILES = 3;
const OWNERS = 10;
const NAME = "many";

/** What the pods of Jobs look like: never started for real. */
export const PLAYED_JOB: JobConfig = {
  image: "localhost/regards-order:none",
  imagePullPolicy: "Never",
  args: ["worker"],
  ...KWOK_PLACE,
  deadlineSeconds: 3_600,
  backoffLimit: 2,
  ttlSeconds: 3_600,
};

/** Ground for `orders` orders of `subOrders` sub-orders each, all of which may run at once. */
export async function scaleGround(cluster: ClusterFacts, { orders, subOrders }: ScaleSize) {
  const ground = await tenantGround(cluster, "scale");
  const folder = temporaryFolder("scale");
  const { namespace, db, transport } = ground;
  for (let n = 0; n < OWNERS; n++) {
    await upsertUser(db, { email: ownerOf(n), role: "REGISTERED_USER", groups: [], active: true });
  }
  await writeSetting(db, "sub_order_max_files", FILES);
  await writeSetting(db, "max_running_sub_orders", orders * subOrders);
  await writeSetting(db, "max_running_sub_orders_per_user", orders * subOrders);
  await ground.products(NAME, Array(subOrders * FILES).fill(new Uint8Array(1)));
  const kubeconfig = await account(ground, join(folder.path, "kubeconfig"));
  await ownersAreKnown(ground);
  const jobFile = join(folder.path, "jobs.json");
  await Bun.write(jobFile, JSON.stringify(PLAYED_JOB));
  const resources = resourceApi<Order>(transport, ORDERS);
  const workers = await playWorkers({ transport, db, logger: pino({ level: "silent" }) });
  let operator: RoleProcess | undefined;
  return {
    ...ground,
    /** Who the operator is to the API server. */
    account: `system:serviceaccount:${namespace}:${ACCOUNT}`,
    workers,
    async startOperator(): Promise<RoleProcess> {
      operator = await startRole("operator", {
        ORDER_TENANT: namespace,
        ORDER_DATABASE_URL: ground.databaseUrl,
        ORDER_KUBECONFIG: kubeconfig,
        ORDER_BLOBS_URL: pathToFileURL(join(folder.path, "blobs")).href,
        ORDER_PUBLIC_URL: "https://archive.example.org",
        ORDER_HEALTH_PORT: "0",
        ORDER_JOB_CONFIG: jobFile,
        ORDER_LOG_LEVEL: "info",
      });
      return operator;
    },
    async applyAll(): Promise<void> {
      for (let n = 0; n < orders; n++) {
        const spec = {
          owner: ownerOf(n % OWNERS),
          selections: [{ query: `name:"${NAME}"` }],
          suspend: false,
          retry: 0,
        };
        await resources.create({ apiVersion: API_VERSION, kind: "Order", metadata: { name: `order-of-${n}` }, spec });
      }
    },
    /** Waits until every order has succeeded; fails with how the others stand. */
    async allSucceeded(limitMs: number): Promise<void> {
      await eventually(
        `${orders} orders have succeeded`,
        async () => {
          const { items } = await resources.list();
          const done = items.filter(({ status }) =>
            status?.conditions?.some((c) => c.type === "Succeeded" && c.status === "True"),
          );
          if (done.length === orders) return true;
          await Bun.sleep(500);
          const other = items.find((order) => !done.includes(order));
          throw new Error(
            `${done.length} of ${items.length}, ${workers.ended()} pods ended; ${JSON.stringify(other?.status)}`,
          );
        },
        limitMs,
      );
    },
    async close(): Promise<void> {
      await ground.close();
      await operator?.end("SIGTERM");
      await workers.stop();
      folder.remove();
    },
  };
}

function ownerOf(n: number): string {
  return `user-${n}@example.org`;
}

/** Objects of a new kind may own others once the API server has looked for kinds again, which it does every 30 s; until then such children are refused. */
async function ownersAreKnown(ground: Awaited<ReturnType<typeof tenantGround>>): Promise<void> {
  const ownerReferences = ["Order", "SubOrder"].map((kind) => ({
    apiVersion: API_VERSION,
    kind,
    name: "owner",
    uid: crypto.randomUUID(),
    blockOwnerDeletion: true,
  }));
  const child = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "owned", ownerReferences } };
  const account = `--as=system:serviceaccount:${ground.namespace}:${ACCOUNT}`;
  const isTaken = () => ground.kubectl(["create", "--dry-run=server", account, "-f", "-"], JSON.stringify(child));
  await eventually("orders and sub-orders may own", isTaken, LIMIT.slow);
}

/** A service account that may do everything in its namespace; its kubeconfig. */
async function account(ground: Awaited<ReturnType<typeof tenantGround>>, path: string): Promise<string> {
  const { namespace } = ground;
  const named = (kind: string, apiVersion: string) => ({ apiVersion, kind, metadata: { name: ACCOUNT, namespace } });
  const rbac = "rbac.authorization.k8s.io";
  await ground.apply(
    named("ServiceAccount", "v1"),
    { ...named("Role", `${rbac}/v1`), rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }] },
    {
      ...named("RoleBinding", `${rbac}/v1`),
      roleRef: { apiGroup: rbac, kind: "Role", name: ACCOUNT },
      subjects: [{ kind: "ServiceAccount", name: ACCOUNT, namespace }],
    },
  );
  const config = JSON.parse(await Bun.file(ground.cluster.kubeconfig).text());
  config.users[0].user = { token: await ground.kubectl(["create", "token", ACCOUNT, "--duration=24h"]) };
  await Bun.write(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}
