/** Reminders on the real PostgreSQL (upstream's `testEmailNotifications`): none while it is fresh, one when it has lain there, and then not again. */
import { afterAll, beforeEach, expect, test } from "bun:test";
import { NOW, newSubOrder, orderSpec, storedOrder, testStore } from "#test/support/store.ts";
import { appendSubOrders } from "./files.ts";
import { remindOwners } from "./reminders.ts";

const store = await testStore("reminders");
const { db } = store;
afterAll(() => store.drop());
beforeEach(async () => {
  await db`TRUNCATE outbox, orders CASCADE`;
});

const HOUR = 3_600_000;
const after = (hours: number) => new Date(NOW.getTime() + hours * HOUR);
const remind = (hours: number) => remindOwners(db, { delayHours: 72, now: after(hours) });
const told = async () =>
  (
    await db<
      { payload: { orderId: number; orders: number[] } }[]
    >`SELECT payload FROM outbox WHERE kind = 'REMINDER' ORDER BY id`
  ).map(({ payload }) => [payload.orderId, payload.orders] as const);

let made = 0;
/** An order with files that arrived at that hour. */
async function order(
  o: { owner?: string; hour?: number; status?: string; available?: number; reference?: boolean } = {},
) {
  const { owner = "ada@example.org", hour = 0, status = "DONE", available = 1, reference = false } = o;
  const { id } = await storedOrder(db, { owner, label: `order ${++made}`, spec: orderSpec({ owner }) });
  const step = { expectCursor: undefined, cursor: { after: 1 }, products: 1, done: true, now: NOW };
  await appendSubOrders(db, id, { ...step, subOrders: [newSubOrder(1, 2, { reference })] });
  await db`UPDATE sub_orders SET files_available = ${available}, last_arrival_at = ${after(hour)} WHERE order_id = ${id}`;
  await db`UPDATE orders SET status = ${status}, files_available = ${available} WHERE id = ${id}`;
  return id;
}

test("remindOwners() reminds once the delay is over, and again only after as long", async () => {
  const id = await order();
  expect(await remind(71)).toBe(0);
  expect(await remind(73)).toBe(1);
  expect(await remind(74)).toBe(0);
  expect(await remind(144)).toBe(0);
  expect(await remind(146)).toBe(1);
  expect(await told()).toEqual([
    [id, [id]],
    [id, [id]],
  ]);
});

test("remindOwners() counts from the newest file, and reminds an owner of all orders that wait", async () => {
  const first = await order();
  const fresh = await order({ hour: 70 });
  await order({ owner: "bob@example.org", hour: 70 });
  expect(await remind(73)).toBe(1);
  expect(await told()).toEqual([
    [first, [first, fresh]],
    [fresh, [first, fresh]],
  ]);
});

test("remindOwners() is silent about orders of which nothing waits", async () => {
  for (const status of ["PENDING", "FAILED", "EXPIRED", "DELETED"]) await order({ status });
  await order({ available: 0 });
  await order({ reference: true });
  expect(await remind(1000)).toBe(0);
  expect(await told()).toEqual([]);
});

test("remindOwners() run by two leaders at once reminds once", async () => {
  await order();
  await Promise.all([remind(73), remind(73), remind(74)]);
  expect(await told()).toHaveLength(1);
});
