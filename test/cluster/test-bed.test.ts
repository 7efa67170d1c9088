/** The test bed itself: a cluster whose process is killed leaves no process, no link and no mount, and its files go with the next one. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { clusterUnderTest } from "#test/support/cluster.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { processesOf } from "#test/support/processes.ts";
import { output } from "#test/support/run-command.ts";
import { removeLeftovers } from "./leftovers.ts";

describe.skipIf(!clusterUnderTest())("a second cluster", () => {
  test(
    "is beside the first, and leaves nothing when it is killed while a pod runs",
    async () => {
      const holder = Bun.spawn([process.execPath, `${import.meta.dir}/main.ts`], { stdout: "pipe", stderr: "inherit" });
      const line = new TextDecoder().decode((await holder.stdout.getReader().read()).value);
      const [, file = "", kubeconfig = ""] = /TEST_CLUSTER=(\S+) KUBECONFIG=(\S+)/.exec(line) ?? [];
      const { machine } = await Bun.file(file).json();
      const kubectl = (...args: string[]) => output(["kubectl", "--kubeconfig", kubeconfig, ...args]);
      await kubectl("run", "stays", "--image=localhost/pause:1", "--image-pull-policy=Never");
      await kubectl("wait", "--for=condition=Ready", "pod/stays", "--timeout=60s");
      const folder = dirname(file);
      expect(processesOf(folder).length).toBeGreaterThan(6);
      const links = async () => (await output(["ip", "-o", "address"])).includes(machine);
      expect(await links()).toBe(true);

      holder.kill("SIGKILL");
      await holder.exited;
      await eventually("its processes are gone", () => processesOf(folder).length === 0);
      await eventually("its link is gone", async () => !(await links()));
      expect(await Bun.file("/proc/mounts").text()).not.toContain(folder);
      removeLeftovers();
      expect(existsSync(folder)).toBe(false);
    },
    3 * LIMIT.slow,
  );
});
