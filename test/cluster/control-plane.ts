/**
 * etcd, API server, controller manager and scheduler of the test bed, each with an identity of its own and RBAC on, so that a Role is really tested.
 * The audit log tells who asked for what and what the answer was; the requests of the control plane itself are left out of it.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestAuthority, testSigningKeys } from "#test/support/certificates.ts";
import type { Sandbox } from "./sandbox.ts";

const YEAR_MS = 365 * 24 * 3_600_000;
export const CERTIFICATES_LAST_MS = YEAR_MS;

export type ControlPlaneFiles = {
  readonly folder: string;
  readonly program: string;
  readonly authority: TestAuthority;
};

/** Under which name the network policies' agent asks. */
export const POLICY_AGENT = "system:network-policies";

/** Audits what pods and people ask for, not what the cluster's own parts do all the time. */
const AUDIT_POLICY = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [
    { level: "None", userGroups: ["system:nodes", "system:serviceaccounts:kube-system"] },
    {
      level: "None",
      users: [
        "system:apiserver",
        "system:kube-controller-manager",
        "system:kube-scheduler",
        "system:kube-proxy",
        POLICY_AGENT,
        "system:anonymous",
      ],
    },
    { level: "Metadata" },
  ],
};

/** Writes a kubeconfig for one identity of the cluster, `CN=…` with `O=…` for its groups. */
export async function identity(
  path: string,
  o: { server: string; subject: string; authority: TestAuthority },
): Promise<string> {
  const { cert, key } = await o.authority.issue(o.subject);
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server: o.server, "certificate-authority-data": base64(o.authority.ca) } }],
    users: [{ name: "test", user: { "client-certificate-data": base64(cert), "client-key-data": base64(key) } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    "current-context": "test",
  };
  await writeFile(path, JSON.stringify(config), { mode: 0o600 });
  return path;
}

export async function startControlPlane(
  sandbox: Sandbox,
  o: ControlPlaneFiles,
): Promise<{ server: string; auditLog: string }> {
  const { network, keep } = sandbox;
  const keys = join(o.folder, "keys");
  await mkdir(keys, { recursive: true, mode: 0o700 });
  const file = async (name: string, text: string) => {
    await writeFile(join(keys, name), text, { mode: 0o600 });
    return join(keys, name);
  };
  const certificate = await o.authority.issue("CN=kube-apiserver", [
    "127.0.0.1",
    network.node,
    network.api,
    "localhost",
    "kubernetes.default.svc",
  ]);
  const toKubelets = await o.authority.issue("O=system:masters, CN=kube-apiserver");
  const signing = await testSigningKeys();
  const ca = await file("ca.crt", o.authority.ca);
  const signingKey = await file("tokens.key", signing.privateKey);
  const auditLog = join(o.folder, "log/audit.jsonl");
  const server = `https://${network.node}:6443`;
  const as = (name: string, subject: string) => identity(join(keys, name), { server, subject, authority: o.authority });

  keep("etcd", [
    o.program,
    "etcd",
    "--unsafe-no-fsync",
    `--data-dir=${o.folder}/etcd`,
    "--logger=zap",
    "--log-level=warn",
  ]);
  keep("kube-apiserver", [
    o.program,
    "kube-apiserver",
    "--etcd-servers=http://127.0.0.1:2379",
    "--secure-port=6443",
    "--bind-address=0.0.0.0",
    `--advertise-address=${network.node}`,
    `--service-cluster-ip-range=${network.services}`,
    "--authorization-mode=Node,RBAC",
    "--enable-admission-plugins=NodeRestriction,OwnerReferencesPermissionEnforcement",
    "--allow-privileged=true",
    "--kubelet-preferred-address-types=InternalIP",
    `--client-ca-file=${ca}`,
    `--tls-cert-file=${await file("server.crt", certificate.cert)}`,
    `--tls-private-key-file=${await file("server.key", certificate.key)}`,
    `--kubelet-client-certificate=${await file("kubelets.crt", toKubelets.cert)}`,
    `--kubelet-client-key=${await file("kubelets.key", toKubelets.key)}`,
    `--service-account-key-file=${await file("tokens.pub", signing.publicKey)}`,
    `--service-account-signing-key-file=${signingKey}`,
    "--service-account-issuer=https://kubernetes.default.svc",
    `--audit-policy-file=${await file("audit.yaml", JSON.stringify(AUDIT_POLICY))}`,
    `--audit-log-path=${auditLog}`,
    "--audit-log-mode=blocking",
    "--profiling=false",
  ]);
  keep("kube-controller-manager", [
    o.program,
    "kube-controller-manager",
    `--kubeconfig=${await as("controller-manager", "CN=system:kube-controller-manager")}`,
    `--root-ca-file=${ca}`,
    `--service-account-private-key-file=${signingKey}`,
    "--use-service-account-credentials=true",
    "--leader-elect=false",
    "--kube-api-qps=200",
    "--kube-api-burst=400",
    "--secure-port=0",
  ]);
  keep("kube-scheduler", [
    o.program,
    "kube-scheduler",
    `--kubeconfig=${await as("scheduler", "CN=system:kube-scheduler")}`,
    "--leader-elect=false",
    "--secure-port=0",
  ]);
  return { server, auditLog };
}
