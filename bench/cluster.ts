/**
 * A tenant on a real Kubernetes of this machine (test/cluster): how long until the cluster takes pods, until a release is ready with its image there,
 * of an order of 25 files and 10 MB, as a Landsat scene has them, until its first pod runs and until all is there, and how long nobody accepts
 * an order after the operator that acts was killed, and after it was told to go. As root.
 *   bun bench/cluster.ts [ORDERS]        (TEST_DATABASE_URL names the server)
 */
import { API_VERSION } from "#crds/names.ts";
import type { Order } from "#crds/order.ts";
import { ORDERS } from "#crds/resource-types.ts";
import { PODS, type Pod } from "#kube/kinds.ts";
import { resourceApi } from "#kube/resource.ts";
import { programImage } from "#test/cluster/images.ts";
import { leadingPod, signalOperator } from "#test/cluster/operators.ts";
import { FULLNAME, installRelease } from "#test/cluster/release.ts";
import { startCluster } from "#test/cluster/start.ts";
import { ADA, tenantGround } from "#test/cluster/tenant-ground.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";

const FILES = 25;
const TIMES_A_LEADER_GOES = 3;
const FILE = new Uint8Array(400_000).fill(7);
const count = Number(process.argv[2] ?? 5);

const [cluster, clusterMs] = await timed(startCluster);
try {
  const image = await programImage(cluster.facts);
  const ground = await tenantGround(cluster.facts, "bench");
  const [, releaseMs] = await timed(() => installRelease(ground, image));
  const orders = resourceApi<Order>(ground.transport, ORDERS);
  const pods = resourceApi<Pod>(ground.transport, PODS);
  const order = async (name: string) => {
    const selections = [{ query: `name:"${name}"` }];
    const spec = { owner: ADA, selections, suspend: false, retry: 0 };
    await orders.create({ apiVersion: API_VERSION, kind: "Order", metadata: { name }, spec });
  };
  const holds = (name: string, condition: string) =>
    eventually(
      `${name} is ${condition}`,
      async () =>
        (await orders.get(name))?.status?.conditions?.some(
          ({ type, status }) => type === condition && status === "True",
        ),
      LIMIT.slow,
    );
  /** From the leader's going until another leads and an order that was made right then is accepted. */
  const handover = async (name: string, go: (leader: string) => Promise<unknown> | void) => {
    await ground.kubectl(["rollout", "status", `deployment/${FULLNAME}-operator`, "--timeout=60s"]);
    await ground.products(name, [FILE]);
    const leader = await leadingPod(ground);
    const began = performance.now();
    await Promise.all([go(leader), order(name)]);
    await holds(name, "Accepted");
    await eventually("another leads", async () => (await leadingPod(ground)) !== leader, LIMIT.slow);
    return performance.now() - began;
  };
  const runs: { readonly pod: number; readonly whole: number }[] = [];
  for (let index = 0; index < count; index++) {
    const name = `scene-${index}`;
    await ground.products(name, Array(FILES).fill(FILE));
    const began = performance.now();
    await order(name);
    const labelSelector = `batch.kubernetes.io/job-name=${name}-1-a1`;
    await eventually(
      "a pod runs",
      async () => (await pods.list({ labelSelector })).items.some(({ status }) => status?.phase !== "Pending"),
      LIMIT.slow,
    );
    const pod = performance.now() - began;
    await holds(name, "Succeeded");
    runs.push({ pod, whole: performance.now() - began });
  }
  console.log(`cluster takes pods        ${seconds(clusterMs)}`);
  console.log(`helm install → ready      ${seconds(releaseMs)}`);
  report(
    "applied → first pod runs ",
    runs.map((one) => one.pod),
  );
  report(
    "applied → Succeeded      ",
    runs.map((one) => one.whole),
  );
  const killed: number[] = [];
  const told: number[] = [];
  for (let index = 0; index < TIMES_A_LEADER_GOES; index++) {
    killed.push(await handover(`killed-${index}`, (leader) => signalOperator("SIGKILL", leader)));
    told.push(await handover(`told-${index}`, (leader) => ground.kubectl(["delete", "pod", leader, "--wait=false"])));
  }
  report("leader killed → accepted ", killed);
  report("leader told → accepted   ", told);
  await ground.close();
} finally {
  await cluster.stop();
}

async function timed<T>(act: () => Promise<T>): Promise<readonly [T, number]> {
  const began = performance.now();
  const value = await act();
  return [value, performance.now() - began];
}

function report(what: string, times: readonly number[]): void {
  const sorted = times.toSorted((a, b) => a - b);
  const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  console.log(`${what} ${seconds(median)} (median of ${sorted.length}: ${sorted.map(seconds).join(" ")})`);
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
