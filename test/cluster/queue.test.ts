/**
 * Jobs that wait in a queue of the cluster: who suspends and resumes them is left to it, and while they wait nothing of an order runs out or fails.
 * bench/kueue.ts goes the same ways with Kueue itself, whose build takes too long for each run of the tests.
 */
import { afterAll, beforeAll, describe, test } from "bun:test";
import { clusterUnderTest } from "#test/support/cluster.ts";
import { LIMIT } from "#test/support/eventually.ts";
import { programImage } from "./images.ts";
import { operatorBeside } from "./operator-beside.ts";
import { queueInPlace } from "./queue-in-place.ts";
import { QUEUE, type QueuedOrders, queuedOrders } from "./queued-orders.ts";
import { type TenantGround, tenantGround } from "./tenant-ground.ts";

const cluster = clusterUnderTest();
const DEADLINE_SECONDS = 25;

describe.skipIf(!cluster)("Jobs in a queue", () => {
  let ground: TenantGround;
  let orders: QueuedOrders;
  let operator: Awaited<ReturnType<typeof operatorBeside>>;
  let queue: Awaited<ReturnType<typeof queueInPlace>>;

  beforeAll(async () => {
    if (!cluster) return;
    const image = await programImage(cluster);
    ground = await tenantGround(cluster, "queue");
    orders = queuedOrders(ground);
    queue = await queueInPlace(ground);
    const job = { queueName: QUEUE, backoffLimit: 0, deadlineSeconds: DEADLINE_SECONDS };
    operator = await operatorBeside(ground, { image, ...job });
  }, 2 * LIMIT.slow);
  afterAll(async () => {
    await queue.close();
    await ground.close();
    await operator.stop();
  }, 2 * LIMIT.slow);

  test(
    "are let in, put back and let in again by the queue alone; waiting costs no try and no time",
    async () => {
      await orders.slow("queued");
      await orders.isQueued("queued");
      await orders.waitsFor("queued", DEADLINE_SECONDS + 1);

      await queue.admit("queued-1-a1");
      await orders.isAtWork("queued");
      await queue.preempt("queued-1-a1");
      await orders.isPutBack("queued");

      orders.hurry("queued");
      await queue.admit("queued-1-a1");
      // In, back (two writes to the spec), in: nobody else has touched it.
      await orders.succeeded("queued", { specChanges: 4 });
    },
    4 * LIMIT.slow,
  );

  test(
    "of an order that is paused, resumed and deleted while it waits go and come without a pod",
    async () => {
      await orders.quick("given-up");
      await orders.isQueued("given-up");
      await orders.goesAway("given-up");
    },
    3 * LIMIT.slow,
  );
});
