/** Jobs that wait in a queue of the cluster: who suspends and resumes them is left to it, and while they wait nothing of an order runs out or fails. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { clusterUnderTest } from "#test/support/cluster.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { programImage } from "./images.ts";
import { operatorBeside } from "./operator-beside.ts";
import { queueInPlace } from "./queue-in-place.ts";
import { type TenantGround, tenantGround } from "./tenant-ground.ts";

const cluster = clusterUnderTest();
const BYTES = new Uint8Array(400_000).fill(7);
/** Twenty seconds a file. */
const SLOWLY = { pieceBytes: 2_000, everyMs: 100 };
const DEADLINE_SECONDS = 25;

describe.skipIf(!cluster)("Jobs in a queue", () => {
  let ground: TenantGround;
  let operator: Awaited<ReturnType<typeof operatorBeside>>;
  let queue: Awaited<ReturnType<typeof queueInPlace>>;

  beforeAll(async () => {
    if (!cluster) return;
    const image = await programImage(cluster);
    ground = await tenantGround(cluster, "queue");
    queue = await queueInPlace(ground);
    const job = { queueName: "archive", backoffLimit: 0, deadlineSeconds: DEADLINE_SECONDS };
    operator = await operatorBeside(ground, { image, ...job });
  }, 2 * LIMIT.slow);
  afterAll(async () => {
    await queue.close();
    await ground.close();
    await operator.stop();
  }, 2 * LIMIT.slow);

  const succeeded = (object: string) =>
    ground.get(
      object,
      `{.status.conditions[?(@.type=="Succeeded")].reason}: {.status.conditions[?(@.type=="Succeeded")].message}`,
    );
  const says = (object: string, words: string) =>
    eventually(
      `${object} says '${words}'`,
      async () => {
        const said = await succeeded(object);
        if (!said.includes(words)) throw new Error(said);
        return true;
      },
      LIMIT.slow,
    );
  const pods = (order: string) =>
    ground.get(`pods -l batch.kubernetes.io/job-name=${order}-1-a1`, "{.items[*].metadata.name}");
  async function isQueued(order: string): Promise<void> {
    await says(`suborder ${order}-1`, "WaitingForQueue: Waiting in queue 'archive': 0 of 1 files done");
    await says(`order ${order}`, "WaitingForQueue: Waiting in the queue of the cluster: 0 of 1 file done");
  }

  test(
    "are let in, put back and let in again by the queue alone; waiting costs no try and no time",
    async () => {
      await ground.products("queued", [BYTES], { pace: SLOWLY });
      await ground.order("queued");
      await isQueued("queued");
      // Longer than a Job may take.
      const patience = ["wait", "--for=condition=Failed", "job/queued-1-a1", `--timeout=${DEADLINE_SECONDS + 1}s`];
      expect((await ground.tryKubectl(patience)).stderr).toContain("timed out");
      expect(await pods("queued")).toBe("");
      await isQueued("queued");

      await queue.admit("queued-1-a1");
      await ground.aPodRuns("queued");
      await says("order queued", "Running: Fetching");
      await queue.preempt("queued-1-a1");
      await eventually("its pod is gone", async () => (await pods("queued")) === "", LIMIT.slow);
      await isQueued("queued");
      expect(await ground.get("job queued-1-a1", "{.status.failed}{.status.startTime}")).toBe("");

      const file = ground.source.files.get("/queued-0");
      if (file) ground.source.files.set("/queued-0", { bytes: file.bytes });
      await queue.admit("queued-1-a1");
      await ground.wait("queued", "Succeeded");
      expect(await ground.get("suborder queued-1", "{.status.attempt}")).toBe("1");
      // In, back (two writes to the spec), in: nobody else has touched it.
      expect(await queue.specChanges("queued-1-a1")).toBe(4);
    },
    4 * LIMIT.slow,
  );

  test(
    "of an order that is paused, resumed and deleted while it waits go and come without a pod",
    async () => {
      const pause = (suspend: boolean) =>
        ground.kubectl(["patch", "order", "given-up", "--type=merge", "-p", JSON.stringify({ spec: { suspend } })]);
      await ground.products("given-up", [BYTES]);
      await ground.order("given-up");
      await isQueued("given-up");
      await pause(true);
      await ground.wait("given-up", "Suspended");
      await ground.kubectl(["wait", "--for=delete", "job/given-up-1-a1", "--timeout=30s"]);
      await pause(false);
      await isQueued("given-up");
      await ground.kubectl(["delete", "order", "given-up", "--timeout=40s"]);
      expect(await ground.kubectl(["get", "jobs", "given-up-1-a1", "--ignore-not-found"])).toBe("");
      expect(await pods("given-up")).toBe("");
    },
    3 * LIMIT.slow,
  );
});
