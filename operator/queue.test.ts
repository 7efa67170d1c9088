/** Jobs that somebody else holds back: a queue of the cluster suspends and resumes them, and for us they are under way all that time. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { writeSetting } from "#store/settings.ts";
import { countLiveOrders } from "#store/totals.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { type OperatorWorld, operatorWorld, quiet, someProducts } from "#test/support/operator-world.ts";

setDefaultTimeout(2 * LIMIT.slow);
/** Longer than any alert waits, shorter than orders are kept. */
const LONG_MS = 3 * 3_600_000;
let world: OperatorWorld;
beforeAll(async () => {
  world = await operatorWorld("queue");
});
afterAll(() => world.stop());

/** As Kueue does with a Job whose place it wants back, and with one that it lets in. */
const suspend = (job: string, isSuspended: boolean) => world.jobs.patch(job, { spec: { suspend: isSuspended } });

test("a sub-order in the queue counts as running, and what waits for its place as waiting, for as long as it takes", async () => {
  world.source.answer = () => "hang";
  await writeSetting(world.db, "max_running_sub_orders", 1);
  const operator = world.start();
  world.products.push(...someProducts("queued", 1, { firstId: 1 }), ...someProducts("behind", 1, { firstId: 2 }));
  await world.apply("queued");
  await eventually("its Job is there, and held back", () => suspend("queued-1-a1", true), LIMIT.slow);
  await world.until("queued", "WaitingForQueue");
  await world.apply("behind");
  await world.until("behind", "WaitingForSlot");
  const told = async () => (await countLiveOrders(world.db)).subOrders;
  const both = { waiting: 1, running: 1, paused: 0 };
  await eventually("both are counted", async () => Bun.deepEquals(await told(), both), LIMIT.slow);
  world.pass(LONG_MS);
  await quiet(world, 1_000);
  expect(await told()).toEqual(both);
  expect((await world.row("queued")).status).toBe("RUNNING");
  await suspend("queued-1-a1", false);
  await world.until("queued", "Running");
  world.source.answer = () => "give";
  for (const name of ["queued", "behind"]) await world.until(name, "AllFilesAvailable");
  expect(await told()).toEqual({ waiting: 0, running: 0, paused: 0 });
  await operator.stop();
});
