/**
 * Orders whose Jobs go through a queue of Kueue on a real Kubernetes of this machine, let in and put back by its quota and priorities: what
 * test/cluster/queue.test.ts holds against what plays a queue, and more, each way with PASS or FAIL and its time. A trial, since the first build
 * of Kueue takes ten minutes. As root.
 *   bun bench/kueue.ts [SUB-ORDERS=12] [ROOM=3]        (TEST_DATABASE_URL names the server)
 */
import { equal } from "node:assert/strict";
import { JOBS, type Job } from "#kube/kinds.ts";
import { resourceApi } from "#kube/resource.ts";
import { writeSetting } from "#store/settings.ts";
import { archiveQueue } from "#test/cluster/archive-queue.ts";
import { programImage, sampleImage } from "#test/cluster/images.ts";
import { startKueue } from "#test/cluster/kueue.ts";
import { operatorBeside } from "#test/cluster/operator-beside.ts";
import { QUEUE, queuedOrders } from "#test/cluster/queued-orders.ts";
import { startCluster } from "#test/cluster/start.ts";
import { tenantGround } from "#test/cluster/tenant-ground.ts";
import { testProcess } from "#test/support/process.ts";

const subOrders = Number(process.argv[2] ?? 12);
const room = Number(process.argv[3] ?? 3);
const DEADLINE_SECONDS = 25;
const MANY = "many";
const FILE = new Uint8Array(100_000).fill(7);

const cluster = await startCluster();
try {
  const image = await programImage(cluster.facts);
  const sample = await sampleImage(cluster.facts);
  const ground = await tenantGround(cluster.facts, "kueue");
  const starting = performance.now();
  const kueue = await startKueue(cluster.facts, ground.namespace);
  const queue = await archiveQueue(ground);
  console.log(`${"started → takes Jobs".padEnd(40)} ${seconds(starting)}`);
  const orders = queuedOrders(ground);
  const job = { queueName: QUEUE, backoffLimit: 0, deadlineSeconds: DEADLINE_SECONDS };
  const operator = await operatorBeside(ground, { image, ...job });

  const timed = async (what: string, go: () => Promise<unknown>): Promise<void> => {
    const began = performance.now();
    await go();
    console.log(`${what.padEnd(40)} ${seconds(began)}`);
  };
  /** Tells how it went; what failed leaves the next way a queue that is open. */
  const way = async (what: string, go: () => Promise<unknown>): Promise<void> => {
    const began = performance.now();
    try {
      await go();
      console.log(`PASS  ${seconds(began)}  ${what}`);
    } catch (error) {
      process.exitCode = 1;
      const story = await queue.story();
      console.log(`FAIL  ${seconds(began)}  ${what}\n${Bun.inspect(error)}\n${story}\n${await kueue.log()}`);
    }
  };

  await way("waiting for room costs no try and no time; put back for an urgent Job, it is let in again", async () => {
    await queue.occupy("somebody", { urgent: false });
    await orders.slow("queued");
    await orders.isQueued("queued");
    await orders.waitsFor("queued", DEADLINE_SECONDS + 1);
    await queue.leave("somebody");
    await timed("room is free → it says it runs", () => orders.isAtWork("queued"));
    await queue.occupy("urgent", { urgent: true });
    await timed("an urgent Job is in → it says it waits", () => orders.isPutBack("queued"));
    orders.hurry("queued");
    await queue.leave("urgent");
    // In, back (two writes to the spec), in: nobody else has touched it.
    await orders.succeeded("queued", { specChanges: 4 });
  });
  await way("of two orders the second begins when the first has ended", async () => {
    await orders.slow("first");
    await orders.isAtWork("first");
    await orders.quick("second");
    await orders.isQueued("second");
    orders.hurry("first");
    await orders.succeeded("first", { specChanges: 1 });
    await orders.succeeded("second", { specChanges: 1 });
    equal(await busiest("first", "second"), 1);
  });
  await way("put back by a queue that is drained, an order is paused, resumed and deleted", async () => {
    await orders.slow("given-up");
    await orders.isAtWork("given-up");
    await queue.drain();
    await orders.isPutBack("given-up");
    await orders.goesAway("given-up");
  });
  await queue.open(room);
  await way("while Kueue does not answer an order says so, and goes on when it does", async () => {
    kueue.freeze();
    await orders.quick("unheard");
    const why = "WaitingForJob: Cannot create jobs 'unheard-1-a1': ";
    await orders.says("suborder unheard-1", why).finally(() => kueue.goOn());
    await orders.succeeded("unheard", { specChanges: 1 });
  });
  await way("a run of a process that is put back begins anew, whatever its program makes of its end", async () => {
    const parameters = { type: "object", properties: { mode: { type: "string" } } };
    const { metadata, ...process } = testProcess("endless", { image: sample, command: ["/sample"], parameters });
    await ground.apply({ ...process, metadata: { ...metadata, namespace: ground.namespace } });
    await ground.products("run", [FILE]);
    const run = { query: 'name:"run"', process: { name: "endless", parameters: { mode: "stop" } } };
    await ground.order("run", { selections: [run] });
    await orders.says("suborder run-1", "Running: Process 'endless' runs");
    await queue.drain();
    await orders.says("suborder run-1", "WaitingForQueue: ");
    await queue.open(room);
    await orders.says("suborder run-1", "Running: Process 'endless' runs");
    equal(await ground.get("job run-1-a1", "{.metadata.generation}{.status.failed}"), "5");
    await ground.kubectl(["delete", "order", "run", "--timeout=60s"]);
  });
  await way(`${subOrders} sub-orders through room for ${room}: never more at once, and no fewer`, async () => {
    await writeSetting(ground.db, "sub_order_max_files", 1);
    await writeSetting(ground.db, "max_running_sub_orders_per_user", subOrders);
    await writeSetting(ground.db, "max_running_sub_orders", subOrders);
    await ground.products(MANY, Array(subOrders).fill(FILE));
    await ground.order(MANY);
    await ground.wait(MANY, "Succeeded", 300);
    equal(await busiest(MANY), room);
  });

  /** How many Jobs of these orders were let in and had not ended, at most at once. */
  async function busiest(...names: readonly string[]): Promise<number> {
    const { items } = await resourceApi<Job>(ground.transport, JOBS).list({});
    const moments = items
      .filter(({ metadata }) => names.some((name) => metadata.name.startsWith(`${name}-`)))
      .flatMap(({ status }) => [`${status?.startTime} in`, `${status?.completionTime} end`])
      .sort();
    let now = 0;
    return Math.max(...moments.map((moment) => (now += moment.endsWith("in") ? 1 : -1)));
  }

  await ground.close();
  await operator.stop();
  await queue.remove();
  await kueue.stop();
} finally {
  await cluster.stop();
}

function seconds(began: number): string {
  return `${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s`;
}
