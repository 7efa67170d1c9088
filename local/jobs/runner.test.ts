import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Job, Pod, PodSpec } from "#kube/kinds.ts";
import { NAMESPACES } from "#kube/kinds.ts";
import { resourceApi } from "#kube/resource.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { type LocalCluster, localCluster, NAMESPACE } from "#test/support/local-cluster.ts";
import { startToken } from "./pod/process.ts";

let cluster: LocalCluster;
beforeAll(async () => {
  cluster = await localCluster("job_runner", { env: { ORDER_SECRET_OF_START: "yes" } });
});
afterAll(() => cluster.close());

let number = 0;

function sh(script: string, rest: object = {}): PodSpec["containers"][number] {
  return { name: "main", image: "none", command: ["/bin/sh", "-c", script], ...rest };
}

/** Makes a Job that runs a shell script. */
function run(script: string | Partial<PodSpec>, spec: Partial<Job["spec"]> = {}, labels: Record<string, string> = {}) {
  const pod = typeof script === "string" ? { containers: [sh(script)] } : script;
  const name = `job-${++number}`;
  return cluster.jobs.create({
    metadata: { name },
    spec: {
      ...spec,
      template: {
        metadata: { labels },
        spec: { restartPolicy: "Never", containers: [], terminationGracePeriodSeconds: 1, ...pod },
      },
    },
  });
}

function ended(job: Job): Promise<Job> {
  const { name } = job.metadata;
  return eventually(`job ${name} ends`, async () => {
    const now = await cluster.jobs.get(name);
    const over = now?.status?.conditions?.some((one) => /^(Complete|Failed)$/.test(one.type) && one.status === "True");
    return over ? now : undefined;
  });
}

async function podsOf(job: Job): Promise<readonly Pod[]> {
  return (await cluster.pods.list({ labelSelector: `job-name=${job.metadata.name}` })).items;
}

async function onePod(job: Job, phase: string): Promise<Pod> {
  return eventually(`a pod of ${job.metadata.name} is ${phase}`, async () =>
    (await podsOf(job)).find((pod) => pod.status?.phase === phase),
  );
}

function condition(job: Job, type: string) {
  return job.status?.conditions?.find((one) => one.type === type);
}

async function logOf(pod: Pod, query = ""): Promise<string> {
  const path = `/api/v1/namespaces/${NAMESPACE}/pods/${pod.metadata.name}/log${query}`;
  return (await cluster.transport.fetch(path, { method: "GET" })).text();
}

async function pidIn(pod: Pod): Promise<number> {
  return eventually("the pid is told", async () => Number(/pid=(\d+)/.exec(await logOf(pod))?.[1]));
}

describe("startJobRunner()", () => {
  test("startJobRunner() runs a Job's command to its completion", async () => {
    const job = await ended(await run("echo hello; pwd"));
    expect(condition(job, "Complete")).toMatchObject({ status: "True" });
    expect(job.status).toMatchObject({ succeeded: 1, active: 0, completionTime: expect.any(String) });
    const [pod] = await podsOf(job);
    expect(pod?.status).toMatchObject({
      phase: "Succeeded",
      containerStatuses: [{ name: "main", state: { terminated: { exitCode: 0, reason: "Completed" } } }],
    });
    expect(await logOf(pod!)).toStartWith("hello\n");
    expect(pod?.metadata.finalizers ?? []).toEqual([]);
  });

  test("startJobRunner() tries again after a failure and gives up at the back-off limit", async () => {
    const job = await ended(await run("exit 3", { backoffLimit: 2 }));
    expect(condition(job, "Failed")).toMatchObject({ reason: "BackoffLimitExceeded" });
    expect(job.status?.failed).toBe(3);
    const pods = await podsOf(job);
    expect(pods.length).toBe(3);
    expect(pods[0]?.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 3, reason: "Error" });
  });

  test("startJobRunner() fails a Job at once on a reserved exit code", async () => {
    const rules = [{ action: "FailJob" as const, onExitCodes: { operator: "In" as const, values: [78] } }];
    const job = await ended(await run("exit 78", { backoffLimit: 6, podFailurePolicy: { rules } }));
    expect(condition(job, "Failed")).toMatchObject({ reason: "PodFailurePolicy" });
    expect((await podsOf(job)).length).toBe(1);
  });

  test("startJobRunner() shows why a command cannot be started", async () => {
    const job = await ended(
      await run({ containers: [sh("", { command: ["/no/such/program"] })] }, { backoffLimit: 0 }),
    );
    const [pod] = await podsOf(job);
    expect(pod?.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({
      exitCode: 128,
      reason: "StartError",
      message: expect.stringContaining("/no/such/program"),
    });
  });

  test("startJobRunner() runs init containers one after another before the others", async () => {
    const init = (name: string) => ({ ...sh(`echo ${name} >> order`), name });
    const job = await ended(
      await run({ initContainers: [init("first"), init("second")], containers: [sh("cat order")] }),
    );
    const [pod] = await podsOf(job);
    expect(await logOf(pod!, "?container=main")).toBe("first\nsecond\n");
    expect(pod?.status?.initContainerStatuses?.length).toBe(2);
  });

  test("startJobRunner() gives pods their own variables, and those of start only to this project's", async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's form
    const script = "echo $NAME in $SPACE: $GREETING, ${ORDER_SECRET_OF_START:-nothing}";
    const env = [
      { name: "NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      { name: "SPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
      { name: "GREETING", value: "hello $(SPACE)" },
    ];
    const containers = [sh(script, { env })];
    const ours = await ended(await run({ containers }, {}, { "app.kubernetes.io/managed-by": "regards-order" }));
    const other = await ended(await run({ containers }));
    const [own] = await podsOf(ours);
    const [foreign] = await podsOf(other);
    expect(await logOf(own!)).toBe(`${own?.metadata.name} in ${NAMESPACE}: hello ${NAMESPACE}, yes\n`);
    expect(await logOf(foreign!)).toEndWith("nothing\n");
  });

  test("startJobRunner() lets the containers of a pod hand on files in an emptyDir, which is gone when the pod has ended", async () => {
    const volumeMounts = [
      { name: "shared", mountPath: "/shared-volume" },
      { name: "shared", mountPath: "/shared-volume/out", subPath: "results" },
    ];
    const env = [{ name: "OUT", value: "/shared-volume/out/file" }];
    const first = sh("echo handed on > $OUT", { name: "first", env, volumeMounts });
    const main = sh('cat results/file "$0"; pwd', {
      args: ["/shared-volume/results/file"],
      volumeMounts,
      workingDir: "/shared-volume",
    });
    const volumes = [{ name: "shared", emptyDir: {} }];
    const job = await ended(await run({ initContainers: [first], containers: [main], volumes }));
    const [pod] = await podsOf(job);
    const lines = (await logOf(pod!, "?container=main")).trim().split("\n");
    expect(lines).toEqual(["handed on", "handed on", expect.stringContaining(pod?.metadata.uid ?? "no pod")]);
    expect(existsSync(lines[2] ?? "")).toBe(false);
  });

  test("startJobRunner() gives the program of a Process none of the variables of start", async () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's form
    const script = "echo ${ORDER_SECRET_OF_START:-nothing}";
    const pod = { initContainers: [sh(script, { name: "process" })], containers: [sh(script)] };
    const job = await ended(await run(pod, {}, { "app.kubernetes.io/managed-by": "regards-order" }));
    const [made] = await podsOf(job);
    expect(await logOf(made!, "?container=process")).toBe("nothing\n");
    expect(await logOf(made!, "?container=main")).toBe("yes\n");
  });

  test("startJobRunner() tells the end of a failed container's log where that is asked for", async () => {
    const script = "seq 1 1000; echo no bands in this file >&2; exit 3";
    const terminationMessagePolicy = "FallbackToLogsOnError";
    const containers = [sh(script, { terminationMessagePolicy }), sh(script, { name: "other" })];
    const job = await ended(await run({ containers }, { backoffLimit: 0 }));
    const [pod] = await podsOf(job);
    const [told, untold] = pod?.status?.containerStatuses ?? [];
    const message = told?.state?.terminated?.message ?? "";
    expect(message).toEndWith("\n1000\nno bands in this file\n");
    expect(message.split("\n")).toHaveLength(81);
    expect(untold?.state?.terminated).not.toHaveProperty("message");
  });

  test("startJobRunner() stops the whole process group when the Job is deleted", async () => {
    const job = await run("trap 'exit 143' TERM; sleep 1000 & echo pid=$!; wait");
    const pod = await onePod(job, "Running");
    const pid = await pidIn(pod);
    await cluster.jobs.delete(job.metadata.name, { propagation: "Foreground" });
    await eventually("the job is gone", async () => (await cluster.jobs.get(job.metadata.name)) === undefined);
    expect(await podsOf(job)).toEqual([]);
    expect(startToken(pid)).toBeUndefined();
    await eventually("its folder is gone", () => !existsSync(join(cluster.folder, "pods", pod.metadata.uid ?? "")));
  });

  test("startJobRunner() collects the pods of a Job deleted in the background", async () => {
    const job = await run("sleep 1000");
    await onePod(job, "Running");
    await cluster.jobs.delete(job.metadata.name, { propagation: "Background" });
    await eventually("its pods are gone", async () => (await podsOf(job)).length === 0);
  });

  test("startJobRunner() kills what does not heed SIGTERM when its grace is over", async () => {
    const job = await run("trap '' TERM; echo pid=$$$$; while :; do sleep 1; done", { backoffLimit: 0 });
    const pod = await onePod(job, "Running");
    const pid = await pidIn(pod);
    const before = performance.now();
    await cluster.pods.delete(pod.metadata.name, {});
    expect(condition(await ended(job), "Failed")).toBeDefined();
    expect(performance.now() - before).toBeGreaterThan(900);
    expect(startToken(pid)).toBeUndefined();
  });

  test("startJobRunner() stops the pods of a suspended Job and goes on when it is resumed", async () => {
    const job = await run(`if [ -e ${cluster.folder}/go ]; then exit 0; fi; sleep 1000`);
    await onePod(job, "Running");
    const { name } = job.metadata;
    await cluster.jobs.patch(name, { spec: { suspend: true } });
    await eventually("no pod is left", async () => {
      const now = await cluster.jobs.get(name);
      return (
        now?.status?.active === 0 && now.status.terminating === 0 && condition(now, "Suspended")?.status === "True"
      );
    });
    await Bun.write(join(cluster.folder, "go"), "");
    await cluster.jobs.patch(name, { spec: { suspend: false } });
    const done = await ended(job);
    expect(done.status).toMatchObject({ succeeded: 1, failed: 0 });
  });

  test("startJobRunner() ends a Job at its deadline", async () => {
    const job = await ended(await run("sleep 1000", { activeDeadlineSeconds: 1 }));
    expect(condition(job, "Failed")).toMatchObject({ reason: "DeadlineExceeded" });
  });

  test("startJobRunner() removes an ended Job after its time to live", async () => {
    const job = await run("exit 0", { ttlSecondsAfterFinished: 0 });
    await eventually("the job is gone", async () => (await cluster.jobs.get(job.metadata.name)) === undefined);
    await eventually("its pods are gone", async () => (await podsOf(job)).length === 0);
  });

  test("startJobRunner() runs no more pods than there are slots and says why the others wait", async () => {
    const many = await run("sleep 1000", { parallelism: 6, completions: 6 });
    const waiting = await eventually("two pods wait", async () => {
      const pods = (await podsOf(many)).filter((pod) =>
        pod.status?.conditions?.some((one) => one.reason === "Unschedulable"),
      );
      return pods.length === 2 ? pods : undefined;
    });
    expect(waiting[0]?.status).toMatchObject({ phase: "Pending" });
    expect((await podsOf(many)).filter((pod) => pod.status?.phase === "Running").length).toBe(4);
    await cluster.jobs.delete(many.metadata.name, { propagation: "Foreground" });
    await eventually("the job is gone", async () => (await cluster.jobs.get(many.metadata.name)) === undefined);
  });

  test("startJobRunner() follows the log of a running pod to its end", async () => {
    const job = await run("echo one; sleep 0.3; echo two");
    const pod = await onePod(job, "Running");
    expect(await logOf(pod, "?follow=true")).toBe("one\ntwo\n");
    expect(await logOf(pod, "?tailLines=1")).toBe("two\n");
  });

  test("startJobRunner() starts anew, uncharged, what an orderly stop interrupted", async () => {
    const rules = [{ action: "Ignore" as const, onPodConditions: [{ type: "DisruptionTarget", status: "True" }] }];
    const marker = join(cluster.folder, `marker-${number}`);
    const job = await run(`if [ -e ${marker} ]; then exit 0; fi; echo pid=$$$$; sleep 1000`, {
      backoffLimit: 0,
      podFailurePolicy: { rules },
    });
    const pod = await onePod(job, "Running");
    const pid = await pidIn(pod);
    await cluster.stopRunner();
    expect(startToken(pid)).toBeUndefined();
    const stopped = await cluster.pods.get(pod.metadata.name);
    expect(stopped?.status).toMatchObject({ phase: "Failed", reason: "Terminated" });
    await Bun.write(marker, "");
    await cluster.startRunner();
    const done = await ended(job);
    expect(done.status).toMatchObject({ succeeded: 1, failed: 0 });
  });

  test(
    "startJobRunner() empties a namespace that is deleted",
    async () => {
      const namespaces = resourceApi(cluster.transport, NAMESPACES);
      await namespaces.create({ metadata: { name: "short-lived" } });
      const jobs = resourceApi(cluster.transport, cluster.jobs.type, { namespace: "short-lived" });
      const pods = resourceApi(cluster.transport, cluster.pods.type, { namespace: "short-lived" });
      await jobs.create({
        metadata: { name: "job" },
        spec: { template: { spec: { restartPolicy: "Never", containers: [sh("sleep 1000")] } } },
      });
      await eventually("its pod runs", async () => (await pods.list()).items[0]?.status?.phase === "Running");
      await namespaces.delete("short-lived");
      await eventually("it is gone", async () => (await namespaces.get("short-lived")) === undefined, LIMIT.normal);
      expect((await pods.list()).items).toEqual([]);
    },
    LIMIT.slow,
  );
});
