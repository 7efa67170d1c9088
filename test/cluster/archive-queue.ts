/** A LocalQueue of Kueue for a tenant, with room for few pods at a time, and who else may want that room: an administrator's own Jobs. */
import { LABELS } from "#crds/names.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { listOf } from "#test/support/kube-objects.ts";
import { QUEUE } from "./queued-orders.ts";
import type { TenantGround } from "./tenant-ground.ts";

const API = "kueue.x-k8s.io/v1beta1";
const PRIORITY = "kueue.x-k8s.io/priority-class";
/** What the pods of an admitted Job are given beside, and lose when it is put back. */
const FLAVOUR = { "kubernetes.io/os": "linux" };
const STUCK = {
  name: "none",
  image: "localhost/none:1",
  resources: { requests: { cpu: "10m", memory: "16Mi" } },
};

/** With room for one. */
export async function archiveQueue({ namespace, apply, kubectl, tryKubectl, get }: TenantGround) {
  const name = `${QUEUE}-${namespace}`;
  const urgent = `urgent-${namespace}`;
  const labels = { [LABELS.kueueQueue]: QUEUE };
  const forAll = [
    clusterQueue(name, namespace),
    { apiVersion: API, kind: "WorkloadPriorityClass", metadata: { name: urgent }, value: 100, description: "First" },
    { apiVersion: API, kind: "ResourceFlavor", metadata: { name }, spec: { nodeLabels: FLAVOUR } },
  ];
  const ofTenant = { apiVersion: API, kind: "LocalQueue", metadata: { name: QUEUE, namespace } };
  const change = (spec: object) =>
    kubectl(["patch", "clusterqueue", name, "--type=merge", "-p", JSON.stringify({ spec })]);

  // Each webhook is there a moment after Kueue says that it is ready.
  const make = () => apply(...forAll, { ...ofTenant, spec: { clusterQueue: name } });
  await eventually("Kueue takes queues", make, LIMIT.slow);
  const active = '{.status.conditions[?(@.type=="Active")].status}';
  await eventually("the queue is open", async () => (await get(`localqueue ${QUEUE}`, active)) === "True", LIMIT.slow);
  const asked = JSON.stringify(endlessJob({ name: "asked", namespace, labels }));
  const ask = ["create", "--dry-run=server", "-o", "jsonpath={.spec.suspend}", "-f", "-"];
  await eventually("Kueue takes Jobs", async () => (await kubectl(ask, asked)) === "true", LIMIT.slow);
  return {
    /** Somebody's Job takes room, also another's if it is urgent. */
    async occupy(by: string, o: { readonly urgent: boolean }): Promise<void> {
      const priority = o.urgent ? { [PRIORITY]: urgent } : {};
      await apply(endlessJob({ name: by, namespace, labels: { ...labels, ...priority } }));
      await kubectl(["wait", "--for=jsonpath={.spec.suspend}=false", `job/${by}`, "--timeout=60s"]);
    },
    leave: (by: string) => kubectl(["delete", "job", by, "--timeout=60s"]),
    /** Puts back what it had let in, and lets nobody in. */
    drain: () => change({ stopPolicy: "HoldAndDrain" }),
    open: (pods: number) => change({ stopPolicy: "None", resourceGroups: room(name, pods) }),
    /** What Kueue thinks of each Job. */
    async story(): Promise<string> {
      const each = '{range .items[*]}{.metadata.name} {.status.conditions}{"\\n"}{end}';
      const { stdout, stderr } = await tryKubectl(["get", "workloads", "-o", `jsonpath=${each}`]);
      return stdout + stderr;
    },
    /** Once nothing of the tenant is in it. */
    remove: () => kubectl(["delete", "-f", "-", "--timeout=60s"], listOf(forAll)),
  };
}

function clusterQueue(name: string, namespace: string) {
  return {
    apiVersion: API,
    kind: "ClusterQueue",
    metadata: { name },
    spec: {
      namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
      preemption: { withinClusterQueue: "LowerPriority" },
      resourceGroups: room(name, 1),
    },
  };
}

function room(flavour: string, pods: number): readonly object[] {
  const resources = [
    { name: "pods", nominalQuota: pods },
    { name: "cpu", nominalQuota: 100 },
    { name: "memory", nominalQuota: "100Gi" },
  ];
  return [{ coveredResources: ["pods", "cpu", "memory"], flavors: [{ name: flavour, resources }] }];
}

/** The rules of the namespace refuse its pod. */
function endlessJob(metadata: object): object {
  const template = { spec: { restartPolicy: "Never", containers: [STUCK] } };
  return { apiVersion: "batch/v1", kind: "Job", metadata, spec: { template } };
}
