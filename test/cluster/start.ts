/**
 * A real Kubernetes on this machine for one test run: `startCluster()` answers when its node takes pods. What tests need to know of it is written to
 * `cluster.json`, whose path TEST_CLUSTER names to the processes of the tests (see support/cluster.ts).
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { testAuthority } from "#test/support/certificates.ts";
import { type ClusterFacts, clusterFile } from "#test/support/cluster.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { output } from "#test/support/run-command.ts";
import { CERTIFICATES_LAST_MS, identity, startControlPlane } from "./control-plane.ts";
import { pauseImage } from "./images.ts";
import { newClusterFolder, removeCluster, removeLeftovers } from "./leftovers.ts";
import { startNetworkPolicies } from "./network-policies.ts";
import { NODE, startNode, startRuntime } from "./node.ts";
import { kubeProgram } from "./programs.ts";
import { startSandbox } from "./sandbox.ts";

export type RunningCluster = { readonly facts: ClusterFacts; stop(): Promise<void> };

/** Why no cluster can be had here; nothing where it can. */
export function obstacle(): string | undefined {
  if (process.platform !== "linux") return "it needs Linux";
  if (process.getuid?.() !== 0) return "it needs root";
  const missing = [
    "go",
    "containerd",
    "runc",
    "buildah",
    "iptables",
    "conntrack",
    "ipset",
    "ip",
    "unshare",
    "kubectl",
  ].filter((program) => !Bun.which(program));
  return missing.length === 0 ? undefined : `it needs ${missing.join(", ")}`;
}

/** Minutes of compiling where nothing of it is kept from a run before. */
export async function buildCluster(): Promise<{ readonly program: string; readonly pause: string }> {
  return { program: await kubeProgram(), pause: await pauseImage() };
}

export async function startCluster(): Promise<RunningCluster> {
  removeLeftovers();
  const { program, pause } = await buildCluster();
  const { path: folder, cgroup } = await newClusterFolder();
  const sandbox = await startSandbox(folder).catch((error: unknown) => {
    removeCluster(cgroup);
    throw error;
  });
  const stop = async () => {
    await sandbox.stop();
    removeCluster(cgroup);
  };
  try {
    const authority = await testAuthority(CERTIFICATES_LAST_MS);
    const socket = await startRuntime(sandbox, folder);
    const { server, auditLog } = await startControlPlane(sandbox, { folder, program, authority });
    await startNode(sandbox, { folder, program, server, authority, cgroup, socket });
    const kubeconfig = join(folder, "kubeconfig");
    await identity(kubeconfig, { server, subject: "O=system:masters, CN=admin", authority });
    await eventually("the runtime answers", () => output(["ctr", "-a", socket, "version"]), LIMIT.slow);
    await output(["ctr", "-a", socket, "-n", "k8s.io", "images", "import", pause]);
    await isReady(kubeconfig);
    await startNetworkPolicies(sandbox, { folder, program, server, authority, kubeconfig });
    const facts = { kubeconfig, node: NODE, machine: sandbox.network.machine, auditLog, runtime: socket, folder };
    await writeFile(clusterFile(folder), JSON.stringify(facts));
    return { facts, stop };
  } catch (error) {
    const logs = await output(["sh", "-c", `tail -n 15 "$0"/log/*.log`, folder]);
    await stop();
    throw new Error(`Cannot start the cluster: ${logs}`, { cause: error });
  }
}

async function isReady(kubeconfig: string): Promise<void> {
  const ask = (...args: readonly string[]) => output(["kubectl", "--kubeconfig", kubeconfig, ...args]);
  const ready = `jsonpath={.status.conditions[?(@.type=="Ready")].status}`;
  await eventually(
    "the node is ready",
    async () => (await ask("get", "node", NODE, "-o", ready)) === "True",
    LIMIT.slow,
  );
  await eventually("accounts are made", () => ask("get", "serviceaccount", "default", "-n", "default"), LIMIT.slow);
}
