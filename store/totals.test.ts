import { afterAll, expect, test } from "bun:test";
import { NOW, orderSpec, storedOrder, testStore } from "#test/support/store.ts";
import { purgeFiles, recordProgress } from "./orders.ts";
import { countLiveOrders } from "./totals.ts";

const { db, drop } = await testStore("totals");
afterAll(() => drop());

let users = 0;
/** As its controller tells of an order with these sub-orders. */
async function told(subOrders: { waiting: number; running: number }, o: { suspended?: boolean } = {}): Promise<number> {
  const row = await storedOrder(db, { spec: orderSpec({ owner: `user-${++users}@example.org` }) });
  const total = subOrders.waiting + subOrders.running;
  const model = {
    ...row,
    status: "RUNNING" as const,
    suspended: o.suspended ?? false,
    subOrders: { total, ...subOrders, succeeded: 0, failed: 0 },
  };
  await recordProgress(db, row.id, { model, messages: [], now: NOW });
  return row.id;
}

test("countLiveOrders() sums sub-orders by what they wait for, and leaves out orders whose files are given back", async () => {
  expect((await countLiveOrders(db)).subOrders).toEqual({ waiting: 0, running: 0, paused: 0 });
  await told({ waiting: 3, running: 2 });
  await told({ waiting: 4, running: 0 });
  // What runs of a paused order is being stopped.
  await told({ waiting: 5, running: 1 }, { suspended: true });
  await purgeFiles(db, await told({ waiting: 7, running: 7 }));
  expect((await countLiveOrders(db)).subOrders).toEqual({ waiting: 7, running: 3, paused: 5 });
});
