/**
 * Kueue beside the cluster, with no more rights than its own role gives it. Definitions, role and webhooks are those of the module that the program is built
 * from; its webhooks see one namespace only, or every Job of the cluster would wait for them. It ends with the process that started it.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "#local/free-port.ts";
import { testAuthority } from "#test/support/certificates.ts";
import type { ClusterFacts } from "#test/support/cluster.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { listOf } from "#test/support/kube-objects.ts";
import { output } from "#test/support/run-command.ts";
import { CERTIFICATES_LAST_MS } from "./control-plane.ts";
import { ACCOUNT, installKueue, kueueWebhooks, NAMESPACE, removeKueue } from "./kueue-objects.ts";
import { kueueProgram } from "./programs.ts";

/** Where it looks for the certificate of its metrics, whatever its configuration says: in a pod that is a volume, here a mount that only it sees. */
const METRICS_CERTIFICATE = "kueue/metrics/certs";
const IN_ITS_OWN_ETC = 'mount --bind "$0" /etc && exec "$@"';
const LOG_TAIL = 4_000;

export type Kueue = {
  /** What it last said. */
  log(): Promise<string>;
  /** Answers nobody until it goes on. */
  freeze(): void;
  goOn(): void;
  stop(): Promise<void>;
};

/** Starts it for one namespace; it takes Jobs as soon as this answers. */
export async function startKueue(cluster: ClusterFacts, namespace: string): Promise<Kueue> {
  const { program, source } = await kueueProgram();
  const folder = await mkdtemp(join(tmpdir(), "test-kueue-"));
  const kubectl = (args: readonly string[], input?: string) =>
    output(["kubectl", "--kubeconfig", cluster.kubeconfig, ...args], input === undefined ? {} : { input });
  await installKueue(kubectl, source);

  const authority = await testAuthority(CERTIFICATES_LAST_MS);
  const certificate = await authority.issue("CN=kueue", [cluster.machine]);
  const etc = join(folder, "etc");
  for (const place of [join(folder, "webhook"), join(etc, METRICS_CERTIFICATE)]) {
    await mkdir(place, { recursive: true });
    await writeFile(join(place, "tls.crt"), certificate.cert);
    await writeFile(join(place, "tls.key"), certificate.key, { mode: 0o600 });
  }
  const webhook = { host: cluster.machine, port: await freePort(cluster.machine, 0), certDir: join(folder, "webhook") };
  const health = `${cluster.machine}:${await freePort(cluster.machine, 0)}`;
  const config = join(folder, "config.yaml");
  await writeFile(config, JSON.stringify(configuration(webhook, health)));
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, await accountKubeconfig(kubectl), { mode: 0o600 });

  const logFile = Bun.file(join(folder, "kueue.log"));
  const child = Bun.spawn(
    [
      "setpriv",
      "--pdeathsig=KILL",
      "unshare",
      "--mount",
      "sh",
      "-c",
      IN_ITS_OWN_ETC,
      etc,
      program,
      `--config=${config}`,
    ],
    { env: { ...process.env, KUBECONFIG: kubeconfig }, stdin: "ignore", stdout: "ignore", stderr: logFile },
  );
  const log = async () => (await logFile.text()).slice(-LOG_TAIL);
  const stop = async () => {
    try {
      await removeKueue(kubectl, source);
    } finally {
      child.kill();
      await child.exited;
      await rm(folder, { recursive: true, force: true });
    }
  };
  try {
    await eventually(
      "Kueue is ready",
      async () => {
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
        return (await fetch(`http://${health}/readyz`)).ok;
      },
      LIMIT.slow,
    );
    const url = `https://${cluster.machine}:${webhook.port}`;
    const webhooks = await kueueWebhooks(source, { namespace, url, ca: authority.ca });
    await kubectl(["apply", "-f", "-"], listOf(webhooks));
    return { log, freeze: () => child.kill("SIGSTOP"), goOn: () => child.kill("SIGCONT"), stop };
  } catch (error) {
    const said = await log();
    await stop();
    throw new Error(`Cannot start Kueue: ${said}`, { cause: error });
  }
}

function configuration(webhook: object, healthProbeBindAddress: string) {
  return {
    apiVersion: "config.kueue.x-k8s.io/v1beta1",
    kind: "Configuration",
    namespace: NAMESPACE,
    health: { healthProbeBindAddress },
    metrics: { bindAddress: "0" },
    webhook,
    leaderElection: { leaderElect: false },
    internalCertManagement: { enable: false },
    integrations: { frameworks: ["batch/job"] },
    // Neither has to do with Jobs of one cluster, and each opens ports or watches of its own.
    featureGates: { VisibilityOnDemand: false, MultiKueue: false },
  };
}

/** The administrator's kubeconfig with the token of Kueue's account in place of its certificate. */
async function accountKubeconfig(kubectl: (args: readonly string[]) => Promise<string>): Promise<string> {
  const config = JSON.parse(await kubectl(["config", "view", "--raw", "-o", "json"]));
  const token = await kubectl(["create", "token", ACCOUNT, "-n", NAMESPACE, "--duration=6h"]);
  const [{ name }] = config.users;
  return JSON.stringify({ ...config, users: [{ name, user: { token } }] });
}
