/** Orders of one file whose Jobs go through a queue of the cluster, whoever runs it: what they say while they wait and while they are let in. */
import { deepEqual } from "node:assert/strict";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import type { TenantGround } from "./tenant-ground.ts";

export const QUEUE = "archive";
const BYTES = new Uint8Array(400_000).fill(7);
/** Twenty seconds a file. */
const SLOWLY = { pieceBytes: 2_000, everyMs: 100 };

export type QueuedOrders = ReturnType<typeof queuedOrders>;

export function queuedOrders(ground: TenantGround) {
  const { get, kubectl } = ground;
  const says = (object: string, words: string) =>
    eventually(
      `${object} says '${words}'`,
      async () => {
        const of = (field: string) => `{.status.conditions[?(@.type=="Succeeded")].${field}}`;
        const said = await get(object, `${of("reason")}: ${of("message")}`);
        if (!said.includes(words)) throw new Error(said);
        return true;
      },
      LIMIT.slow,
    );
  const pods = (order: string) =>
    get(`pods -l batch.kubernetes.io/job-name=${order}-1-a1`, "{.items[*].metadata.name}");
  /** Names of these that are an order's, whatever the attempt. */
  async function namesOf(order: string, kinds: string): Promise<readonly string[]> {
    const names = (await kubectl(["get", kinds, "-o", "name"])).split("\n");
    return names.filter((name) => name.includes(`/${order}-`));
  }
  async function isQueued(order: string): Promise<void> {
    await says(`suborder ${order}-1`, `WaitingForQueue: Waiting in queue '${QUEUE}': 0 of 1 files done`);
    await says(`order ${order}`, "WaitingForQueue: Waiting in the queue of the cluster: 0 of 1 file done");
  }
  return {
    /** One that takes its time at the source, until `hurry`. */
    async slow(order: string): Promise<void> {
      await ground.products(order, [BYTES], { pace: SLOWLY });
      await ground.order(order);
    },
    async quick(order: string): Promise<void> {
      await ground.products(order, [BYTES]);
      await ground.order(order);
    },
    hurry(order: string): void {
      delete ground.source.files.get(`/${order}-0`)?.pace;
    },
    says,
    isQueued,
    async isAtWork(order: string): Promise<void> {
      await ground.aPodRuns(order);
      await says(`order ${order}`, "Running: Fetching");
    },
    async isPutBack(order: string): Promise<void> {
      await eventually("its pod is gone", async () => (await pods(order)) === "", LIMIT.slow);
      await isQueued(order);
      deepEqual(await get(`job ${order}-1-a1`, "{.status.failed}{.status.startTime}"), "");
    },
    /** It goes on waiting for longer than a Job may take. */
    async waitsFor(order: string, seconds: number): Promise<void> {
      const patience = ["wait", "--for=condition=Failed", `job/${order}-1-a1`, `--timeout=${seconds}s`];
      const { stderr } = await ground.tryKubectl(patience);
      if (!stderr.includes("timed out")) throw new Error(`The Job of '${order}' did not go on waiting: ${stderr}`);
      deepEqual(await pods(order), "");
      await isQueued(order);
    },
    /** All is there by the first attempt, whose Job's spec was changed so often since it was made. */
    async succeeded(order: string, o: { readonly specChanges: number }): Promise<void> {
      await ground.wait(order, "Succeeded");
      const seen = [
        await get(`suborder ${order}-1`, "{.status.attempt}"),
        await get(`job ${order}-1-a1`, "{.metadata.generation}"),
      ];
      deepEqual(seen, ["1", String(1 + o.specChanges)]);
    },
    /** Paused, resumed and deleted while it waits, it leaves nothing. */
    async goesAway(order: string): Promise<void> {
      const pause = (suspend: boolean) =>
        kubectl(["patch", "order", order, "--type=merge", "-p", JSON.stringify({ spec: { suspend } })]);
      await pause(true);
      await ground.wait(order, "Suspended");
      await kubectl(["wait", "--for=delete", `job/${order}-1-a1`, "--timeout=30s"]);
      await pause(false);
      await isQueued(order);
      deepEqual(await namesOf(order, "pods"), []);
      await kubectl(["delete", "order", order, "--timeout=40s"]);
      await eventually(
        "nothing of it is left",
        async () => (await namesOf(order, "jobs,pods")).length === 0,
        LIMIT.slow,
      );
    },
  };
}
