import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { LABELS } from "#crds/names.ts";
import type { Job } from "#kube/kinds.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { type LocalCluster, localCluster, NAMESPACE } from "#test/support/local-cluster.ts";
import { startToken } from "./pod/process.ts";

let cluster: LocalCluster;
let kubeconfig: string;
let stopListening: () => unknown;
beforeAll(async () => {
  cluster = await localCluster("job_runner_killed");
  await cluster.stopRunner();
  const listener = await cluster.server.listen({ host: "127.0.0.1", port: 0, folder: cluster.folder });
  stopListening = () => listener.stop();
  kubeconfig = join(cluster.folder, "kubeconfig");
  await listener.writeKubeconfig(kubeconfig, { namespace: NAMESPACE });
});
afterAll(async () => {
  await stopListening();
  await cluster.close();
});

/** A Job whose first pod sleeps and whose second one ends at once; it does not charge what the machine is to blame for. */
function sleepingJob(name: string, labels: Record<string, string> = {}): Promise<Job> {
  const marker = join(cluster.folder, name);
  const script = `if [ -e ${marker} ]; then exit 0; fi; touch ${marker}; sleep 1000 & echo pid=$!; wait`;
  return cluster.jobs.create({
    metadata: { name },
    spec: {
      backoffLimit: 0,
      podFailurePolicy: {
        rules: [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }],
      },
      template: {
        metadata: { labels },
        spec: {
          restartPolicy: "Never",
          containers: [{ name: "main", image: "none", command: ["/bin/sh", "-c", script] }],
        },
      },
    },
  });
}

async function sleeperOf(name: string): Promise<number> {
  return eventually(`the pid of ${name} is in its log`, async () => {
    const [pod] = (await cluster.pods.list({ labelSelector: `job-name=${name}` })).items;
    const log = join(cluster.folder, "pods", pod?.metadata.uid ?? "", "main.log");
    return Number(/pid=(\d+)/.exec(await Bun.file(log).text())?.[1]);
  });
}

describe("startJobRunner() after kill -9", () => {
  test(
    "startJobRunner() stops what a killed runner left, and starts its Jobs anew, uncharged",
    async () => {
      const script = join(import.meta.dir, "../../test/support/job-runner-process.ts");
      const child = Bun.spawn([process.execPath, script, kubeconfig, cluster.folder], { stdout: "inherit" });
      await sleepingJob("ours", { [LABELS.managedBy]: "regards-order" });
      await sleepingJob("other");
      await sleepingJob("deleted-meanwhile");
      const pids = await Promise.all(["ours", "other", "deleted-meanwhile"].map(sleeperOf));
      child.kill("SIGKILL");
      await child.exited;
      expect(pids.map((pid) => startToken(pid) !== undefined)).toEqual([true, true, true]);
      for (const pod of (await cluster.pods.list({ labelSelector: "job-name=deleted-meanwhile" })).items) {
        await cluster.pods.patch(pod.metadata.name, { metadata: { finalizers: null } });
        await cluster.pods.delete(pod.metadata.name, { graceSeconds: 0 });
      }
      await cluster.jobs.delete("deleted-meanwhile", {});

      await cluster.startRunner();
      await eventually("nothing of the killed runner is left", () =>
        pids.every((pid) => startToken(pid) === undefined),
      );
      for (const name of ["ours", "other"]) {
        const job = await eventually(`job ${name} is complete`, async () => {
          const now = await cluster.jobs.get(name);
          return now?.status?.completionTime === undefined ? undefined : now;
        });
        expect(job.status).toMatchObject({ succeeded: 1, failed: 0 });
        const pods = (await cluster.pods.list({ labelSelector: `job-name=${name}` })).items;
        expect(pods.map((pod) => pod.status?.reason).filter((reason) => reason !== undefined)).toEqual(["NodeLost"]);
      }
    },
    LIMIT.slow,
  );
});
