/** The one node of the test bed: containerd, kubelet and kube-proxy with settings for a machine that has cgroup v1, no swap limits and few rights to spare. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestAuthority } from "#test/support/certificates.ts";
import { identity } from "./control-plane.ts";
import type { Sandbox } from "./sandbox.ts";

export const NODE = "test-node";
export const PAUSE_IMAGE = "localhost/pause:1";

export type NodeFiles = {
  readonly folder: string;
  readonly program: string;
  readonly server: string;
  readonly authority: TestAuthority;
  /** The folder of the node's pods in each hierarchy of cgroups. */
  readonly cgroup: string;
};

/** Starts the runtime of containers; returns the address of its socket. */
export async function startRuntime(sandbox: Sandbox, folder: string): Promise<string> {
  const home = join(folder, "containerd");
  const socket = join(home, "socket");
  await mkdir(join(home, "cni"), { recursive: true });
  const network = {
    cniVersion: "1.0.0",
    name: "test",
    plugins: [
      {
        type: "bridge",
        bridge: "pods0",
        isGateway: true,
        ipMasq: true,
        ipam: { type: "host-local", ranges: [[{ subnet: sandbox.network.pods }]], routes: [{ dst: "0.0.0.0/0" }] },
      },
      { type: "portmap", capabilities: { portMappings: true } },
    ],
  };
  await writeFile(join(home, "cni/test.conflist"), JSON.stringify(network));
  // Without restrict_oom_score_adj every sandbox fails on a machine that does not grant CAP_SYS_RESOURCE.
  const config = `
version = 2
root = "${home}/root"
state = "${home}/state"
[grpc]
address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
restrict_oom_score_adj = true
sandbox_image = "${PAUSE_IMAGE}"
max_concurrent_downloads = 1
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/usr/lib/cni"
conf_dir = "${home}/cni"
`;
  await writeFile(join(home, "config.toml"), config);
  sandbox.keep("containerd", ["containerd", "--config", join(home, "config.toml"), "--log-level", "warn"]);
  return socket;
}

export async function startNode(sandbox: Sandbox, o: NodeFiles & { readonly socket: string }): Promise<void> {
  const home = join(o.folder, "kubelet");
  await mkdir(home, { recursive: true });
  const as = (name: string, subject: string) =>
    identity(join(o.folder, "keys", name), { server: o.server, subject, authority: o.authority });
  const file = async (name: string, content: unknown) => {
    await writeFile(join(home, name), JSON.stringify(content));
    return join(home, name);
  };
  const kubelet = {
    apiVersion: "kubelet.config.k8s.io/v1beta1",
    kind: "KubeletConfiguration",
    failCgroupV1: false,
    cgroupDriver: "cgroupfs",
    cgroupRoot: `/${o.cgroup}`,
    failSwapOn: false,
    enforceNodeAllocatable: [],
    readOnlyPort: 0,
    containerRuntimeEndpoint: `unix://${o.socket}`,
    podLogsDir: join(home, "pod-logs"),
    volumePluginDir: join(home, "volume-plugins"),
    registryPullQPS: 0,
    serializeImagePulls: false,
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
    // How full volumes are is looked at once a minute by default.
    volumeStatsAggPeriod: "10s",
    evictionHard: { "memory.available": "50Mi", "nodefs.available": "1%", "imagefs.available": "1%" },
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: join(o.folder, "keys/ca.crt") },
    },
    authorization: { mode: "Webhook" },
  };
  sandbox.keep("kubelet", [
    o.program,
    "kubelet",
    `--config=${await file("config.json", kubelet)}`,
    `--kubeconfig=${await as("kubelet", `O=system:nodes, CN=system:node:${NODE}`)}`,
    `--hostname-override=${NODE}`,
    `--node-ip=${sandbox.network.node}`,
    `--root-dir=${home}`,
    `--cert-dir=${join(home, "pki")}`,
  ]);
  const proxy = {
    apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
    kind: "KubeProxyConfiguration",
    mode: "iptables",
    clientConnection: { kubeconfig: await as("kube-proxy", "CN=system:kube-proxy") },
    hostnameOverride: NODE,
    clusterCIDR: sandbox.network.pods,
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: "0s", tcpCloseWaitTimeout: "0s" },
  };
  sandbox.keep("kube-proxy", [o.program, "kube-proxy", `--config=${await file("proxy.json", proxy)}`]);
}
