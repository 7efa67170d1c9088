/** Orders whose files an administrator's program works on, in real pods: what it is given, what it may not see, and each way in which it can end. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { ProcessSpec } from "#crds/process.ts";
import type { JobConfig } from "#operator/config.ts";
import { openBlobStore } from "#store/blobs/open.ts";
import { allFiles, type FileRow } from "#store/files.ts";
import { clusterUnderTest } from "#test/support/cluster.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { testProcess } from "#test/support/process.ts";
import { programImage, sampleImage } from "./images.ts";
import { operatorBeside } from "./operator-beside.ts";
import { type TenantGround, tenantGround } from "./tenant-ground.ts";

const cluster = clusterUnderTest();
const text = (content: string) => new TextEncoder().encode(content);
const PARAMETERS = {
  type: "object",
  properties: {
    mode: { enum: ["capitals", "fail", "nothing", "sleep", "memory", "space"], default: "capitals" },
    suffix: { type: "string", default: "" },
    times: { type: "integer" },
  },
};
/** What a container runtime and Kubernetes give to every container. */
const GIVEN_TO_ALL = /^(PATH|HOSTNAME|HOME|KUBERNETES_.+)$/;

type Report = {
  readonly environment: readonly string[];
  readonly folder: string;
  readonly parameters: unknown;
  readonly inputs: { readonly files: readonly { readonly path: string }[]; readonly missing: readonly unknown[] };
  readonly mounts: readonly string[];
  readonly readable: readonly string[];
  readonly writable: readonly string[];
  readonly processes: number;
};

describe.skipIf(!cluster)("processes on a real node", () => {
  let ground: TenantGround;
  let image: string;
  let sample: string;
  let operator: Awaited<ReturnType<typeof operatorBeside>>;

  beforeAll(async () => {
    if (!cluster) return;
    image = await programImage(cluster);
    sample = await sampleImage(cluster);
    ground = await tenantGround(cluster, "process");
    operator = await operatorBeside(ground, { image });
  }, 2 * LIMIT.slow);
  afterAll(async () => {
    await ground.close();
    await operator.stop();
  }, 2 * LIMIT.slow);

  const get: TenantGround["get"] = (what, path) => ground.get(what, path);
  const message = (order: string) => get(`suborder ${order}-1`, `{.status.conditions[?(@.type=="Succeeded")].message}`);
  async function restartOperator(job: Partial<JobConfig> = {}): Promise<void> {
    await operator.stop();
    operator = await operatorBeside(ground, { image, ...job });
  }
  async function approve(name: string, spec: Partial<ProcessSpec> = {}): Promise<void> {
    const process = testProcess(name, { image: sample, command: ["/sample"], parameters: PARAMETERS, ...spec });
    await ground.apply({ ...process, metadata: { ...process.metadata, namespace: ground.namespace } });
  }
  /** An order, with this process, of what `products` made under the same name. */
  async function order(
    name: string,
    process: string,
    parameters: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    await ground.order(name, { selections: [{ query: `name:"${name}"`, process: { name: process, parameters } }] });
  }
  async function filesOf(name: string): Promise<readonly FileRow[]> {
    const id = Number(await get(`order ${name}`, "{.status.orderId}"));
    return (await Array.fromAsync(allFiles(ground.db, id))).flat();
  }
  async function contentOf({ sha256 = "" }: FileRow): Promise<string> {
    return await new Response(await (await openBlobStore(ground.blobsHere, {})).open(sha256)).text();
  }
  /** Waits until the run has failed; the error of the one row that stands for its outputs. */
  async function failure(name: string, seconds?: number): Promise<string | undefined> {
    await ground.wait(name, "Succeeded=False", seconds);
    const files = await filesOf(name);
    expect(files.map(({ state }) => state)).toEqual(["PROCESSING_ERROR"]);
    return files[0]?.error;
  }

  test(
    "a program works on the files of a sub-order, and what it leaves becomes the order's files, nothing else",
    async () => {
      await approve("capitals");
      await ground.products("walk", [text("first"), text("second")]);
      await order("walk", "capitals", { suffix: ".caps", times: "3" });
      await ground.wait("walk", "Succeeded");
      const files = await filesOf("walk");
      expect(files.map(({ filename, state, fileType }) => [filename, state, fileType])).toEqual([
        ["report.json", "AVAILABLE", "OTHER"],
        ["walk-0.tif.caps", "AVAILABLE", "OTHER"],
        ["walk-1.tif.caps", "AVAILABLE", "OTHER"],
      ]);
      expect(await Promise.all(files.slice(1).map(contentOf))).toEqual(["FIRST", "SECOND"]);
      expect(await message("walk")).toBe("3 of 3 files are there");
      const report = JSON.parse(await contentOf(files[0] as FileRow)) as Report;
      expect(report).toMatchObject({
        folder: "/work",
        parameters: { mode: "capitals", suffix: ".caps", times: 3 },
        inputs: { files: [{ path: "walk-0/walk-0.tif" }, { path: "walk-1/walk-1.tif" }], missing: [] },
        processes: 1,
      });
    },
    5 * LIMIT.slow,
  );

  test("the program finds no credential, volume, file or process of ours, and can write nowhere but where it should", async () => {
    const report = JSON.parse(await contentOf((await filesOf("walk"))[0] as FileRow)) as Report;
    const variables = Object.fromEntries(report.environment.map((variable) => variable.split("=", 2)));
    const told = Object.keys(variables).filter((name) => !GIVEN_TO_ALL.test(name));
    expect(told.sort()).toEqual(["ORDER_INPUT", "ORDER_OUTPUT", "ORDER_PARAMETERS"]);
    expect(report.environment.filter((variable) => variable.includes("postgres"))).toEqual([]);
    expect(report.readable.filter((path) => !/^\/(sample|etc\/(hosts|hostname|resolv\.conf))$/.test(path))).toEqual([
      "/work/input/walk-0/walk-0.tif",
      "/work/input/walk-1/walk-1.tif",
      "/work/inputs.json",
      "/work/output/walk-0/walk-0.tif.caps",
      "/work/output/walk-1/walk-1.tif.caps",
      "/work/parameters.json",
    ]);
    expect(report.writable).toEqual(["/tmp", "/work/output", "/work/output/walk-0", "/work/output/walk-1"]);
    expect(report.mounts.filter((mount) => /blobs|secrets|serviceaccount/.test(mount))).toEqual([]);
    expect(report.processes).toBe(1);
  });

  test(
    "with scope Product every product is a run of its own",
    async () => {
      await approve("each", { scope: "Product" });
      await ground.products("several", [text("a"), text("b"), text("c")]);
      await order("several", "each");
      await ground.wait("several", "Succeeded");
      const files = (await filesOf("several")).filter(({ filename }) => filename !== "report.json");
      expect(files.map(({ subOrder, filename, providerId }) => [subOrder, filename, providerId])).toEqual(
        ["0", "1", "2"].map((n) => [Number(n) + 1, `several-${n}.tif`, `several-${n}`]),
      );
      expect(await Promise.all(files.map(contentOf))).toEqual(["A", "B", "C"]);
    },
    5 * LIMIT.slow,
  );

  test(
    "a program that fails ends its sub-order at once, with its exit code and its last words",
    async () => {
      await ground.products("failing", [text("x")]);
      await order("failing", "capitals", { mode: "fail" });
      expect(await failure("failing")).toBe(
        "Process 'capitals' failed with exit code 3: mode is fail there are no bands in this file",
      );
      expect(await get("job failing-1-a1", "{.status.failed}")).toBe("1");
    },
    5 * LIMIT.slow,
  );

  test(
    "P27: a program that gives nothing, or cannot be started, is told so",
    async () => {
      await approve("absent", { command: ["/no/such/program"] });
      await ground.products("empty", [text("x")]);
      await order("empty", "capitals", { mode: "nothing" });
      await ground.products("unstarted", [text("x")]);
      await order("unstarted", "absent");
      expect(await failure("empty")).toBe("Process 'capitals' gave no output");
      expect(await failure("unstarted")).toMatch(/^Process 'absent' could not be started: .*\/no\/such\/program/);
    },
    5 * LIMIT.slow,
  );

  test(
    "P27: a program that does not end is ended at its deadline, and its Job is removed",
    async () => {
      await approve("hasty", { deadlineSeconds: 3 });
      await ground.products("endless", [text("x")]);
      await order("endless", "hasty", { mode: "sleep" });
      expect(await failure("endless")).toBe("Process 'hasty' took longer than 3 s");
      await eventually(
        "its pod is gone",
        async () =>
          (await get("pods -l batch.kubernetes.io/job-name=endless-1-a1", "{.items[*].metadata.name}")) === "",
        LIMIT.slow,
      );
      expect(await ground.kubectl(["get", "job", "endless-1-a1", "--ignore-not-found"])).toBe("");
    },
    5 * LIMIT.slow,
  );

  test(
    "a program that uses up its memory is not started over and over",
    async () => {
      await approve("small", { resources: { limits: { memory: "48Mi" } } });
      await ground.products("hungry", [text("x")]);
      await order("hungry", "small", { mode: "memory" });
      expect(await failure("hungry")).toBe("Process 'small' ran out of memory");
    },
    5 * LIMIT.slow,
  );

  test(
    "a program that fills more than its volume is ended, and the order says why",
    async () => {
      await restartOperator({ workSpace: "16Mi" });
      await ground.products("greedy", [text("x")]);
      await order("greedy", "capitals", { mode: "space" });
      // The kubelet looks at volumes from time to time only.
      expect(await failure("greedy", 200)).toMatch(/^Process 'capitals' used more than it may: .*"work".*16Mi/);
      await restartOperator();
    },
    5 * LIMIT.slow,
  );

  test(
    "an input that cannot be had does not stop the run, which tells of it; without any there is none",
    async () => {
      await ground.products("partly", [text("x"), text("y")]);
      ground.source.files.delete("/partly-1");
      await order("partly", "capitals");
      await ground.products("none", [text("x")]);
      ground.source.files.delete("/none-0");
      await order("none", "capitals");
      await ground.wait("partly", "Succeeded");
      expect((await filesOf("partly")).map(({ filename }) => filename)).toEqual(["partly-0.tif", "report.json"]);
      expect(await message("partly")).toMatch(
        /^2 of 2 files are there: 1 of 2 inputs could not be had: 'partly-1.tif' \(.*404/,
      );
      expect(await failure("none")).toMatch(
        /^Process 'capitals' did not start: 1 of 1 inputs could not be had: 'none-0.tif'/,
      );
    },
    5 * LIMIT.slow,
  );

  test(
    "inputs that are not ready are waited for without a pod, and fetched once",
    async () => {
      await ground.products("tape", [text("x")], { first: [{ status: 202, headers: { "retry-after": "1" } }] });
      await order("tape", "capitals");
      await ground.wait("tape", "Succeeded");
      expect(await get("suborder tape-1", "{.status.attempt}")).toBe("2");
    },
    5 * LIMIT.slow,
  );

  test(
    "parameters that the process does not take are refused with a word, and nothing runs",
    async () => {
      await ground.products("refused", [text("x")]);
      await order("refused", "capitals", { times: "many" });
      await ground.wait("refused", "Accepted=False");
      const why = await get("order refused", `{.status.conditions[?(@.type=="Accepted")].message}`);
      expect(why).toContain("times: expected a whole number");
    },
    5 * LIMIT.slow,
  );

  test(
    "a run that is paused is stopped and begins anew when it goes on; a process that is gone then is told",
    async () => {
      await approve("brief");
      await ground.products("paused", [text("x")]);
      await order("paused", "brief", { mode: "sleep" });
      const isAtWork = async () => (await message("paused")) === "Process 'brief' runs";
      await eventually("the program runs", isAtWork, LIMIT.slow);
      await ground.kubectl(["patch", "order", "paused", "--type=merge", "-p", '{"spec":{"suspend":true}}']);
      await ground.wait("paused", "Suspended");
      await ground.kubectl(["patch", "order", "paused", "--type=merge", "-p", '{"spec":{"suspend":false}}']);
      await eventually("the program runs again", isAtWork, LIMIT.slow);
      expect(await get("suborder paused-1", "{.spec.attempt}")).toBe("2");
      await ground.kubectl(["patch", "order", "paused", "--type=merge", "-p", '{"spec":{"suspend":true}}']);
      await ground.wait("paused", "Suspended");
      await ground.kubectl(["delete", "process", "brief"]);
      await ground.kubectl(["patch", "order", "paused", "--type=merge", "-p", '{"spec":{"suspend":false}}']);
      expect(await failure("paused")).toBe("Process 'brief' is gone");
    },
    4 * LIMIT.slow,
  );

  test(
    "an eviction while the program runs costs no try: the run begins anew",
    async () => {
      await restartOperator({ backoffLimit: 0 });
      await approve("patient", { deadlineSeconds: 60 });
      await ground.products("drained", [text("x")]);
      await order("drained", "patient", { mode: "sleep" });
      await eventually(
        "the program runs",
        async () => (await message("drained")) === "Process 'patient' runs",
        LIMIT.slow,
      );
      const podUids = () => get("pods -l batch.kubernetes.io/job-name=drained-1-a1", "{.items[*].metadata.uid}");
      const before = await podUids();
      const node = cluster?.node ?? "";
      const selector = "--pod-selector=batch.kubernetes.io/job-name=drained-1-a1";
      await ground.kubectl(["drain", node, selector, "--delete-emptydir-data", "--timeout=60s"]);
      await ground.kubectl(["uncordon", node]);
      await eventually(
        "another pod runs the program",
        async () => (await message("drained")) === "Process 'patient' runs" && (await podUids()) !== before,
        2 * LIMIT.slow,
      );
      expect(await get("suborder drained-1", "{.status.attempt}")).toBe("1");
      await ground.kubectl(["delete", "order", "drained", "--timeout=60s"]);
    },
    5 * LIMIT.slow,
  );
});
