/**
 * Who enforces NetworkPolicies on the test bed: its pods' network does not. The agent replaces a whole filter table whenever a pod comes or goes, so it
 * gets one that kube-proxy does not write: that of the older iptables beside the newer. A packet must pass both.
 */
import { mkdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { listOf } from "#test/support/kube-objects.ts";
import { output } from "#test/support/run-command.ts";
import { identity, POLICY_AGENT } from "./control-plane.ts";
import { NODE, type NodeFiles } from "./node.ts";
import type { Sandbox } from "./sandbox.ts";

const OLDER_IPTABLES = "/usr/sbin/xtables-legacy-multi";

/** Starts the agent on a node that has registered, and gives it the right to look. */
export async function startNetworkPolicies(
  sandbox: Sandbox,
  o: Omit<NodeFiles, "cgroup"> & { readonly kubeconfig: string },
): Promise<void> {
  await output(["kubectl", "--kubeconfig", o.kubeconfig, "apply", "-f", "-"], { input: listOf([ROLE, BINDING]) });
  const programs = join(o.folder, "older-iptables");
  await mkdir(programs);
  for (const name of ["iptables", "iptables-save", "iptables-restore"])
    await symlink(OLDER_IPTABLES, join(programs, name));
  const access = join(o.folder, "keys/network-policies");
  sandbox.keep("network-policies", [
    "env",
    `PATH=${programs}:${process.env["PATH"]}`,
    o.program,
    "network-policies",
    `--kubeconfig=${await identity(access, { ...o, subject: `CN=${POLICY_AGENT}` })}`,
    `--hostname-override=${NODE}`,
    `--service-cluster-ip-range=${sandbox.network.services}`,
  ]);
}

const NAME = "test-network-policies";
const RBAC = { apiVersion: "rbac.authorization.k8s.io/v1", metadata: { name: NAME } };
const ROLE = {
  ...RBAC,
  kind: "ClusterRole",
  rules: [
    { apiGroups: [""], resources: ["nodes"], verbs: ["get"] },
    { apiGroups: [""], resources: ["pods", "namespaces"], verbs: ["list", "watch"] },
    { apiGroups: ["networking.k8s.io"], resources: ["networkpolicies"], verbs: ["list", "watch"] },
  ],
};
const BINDING = {
  ...RBAC,
  kind: "ClusterRoleBinding",
  roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: NAME },
  subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: POLICY_AGENT }],
};
