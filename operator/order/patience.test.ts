/** How soon an order says what: how it stands at once, how far it is now and then. */
import { expect, test } from "bun:test";
import { anObserved, anOrder, aResolvedRow, aSubOrderRow, NOW, someWork } from "#test/support/order-builders.ts";
import { plan } from "./plan.ts";

const at = (minutes: number) => new Date(NOW.getTime() + minutes * 60_000);
const PENDING = { total: 2, pending: 2, available: 0, downloaded: 0, failed: 0 };
const HALF = { ...PENDING, pending: 1, available: 1 };
const RUNNING = { total: 1, waiting: 0, running: 1, succeeded: 0, failed: 0 };
const WAITING = { ...RUNNING, running: 0, waiting: 1 };
const ENDED = { ...RUNNING, running: 0, succeeded: 1 };
const WORKS = { subOrders: RUNNING, active: [aSubOrderRow()] };

/** The order as it is after that it works was told. */
function told() {
  const { status } = plan(anObserved({ row: aResolvedRow(1), work: someWork({ files: PENDING, ...WORKS }) }), NOW);
  return { ...anOrder(), status };
}

test("plan() lets counters wait, the longer the older the order is", () => {
  const further = anObserved({ order: told(), row: aResolvedRow(1), work: someWork({ files: HALF, ...WORKS }) });
  expect([0, 1, 30].map((minutes) => plan(further, at(minutes)).patienceMs)).toEqual([2_000, 15_000, 60_000]);
});

test("plan() tells at once how an order stands", () => {
  const first = anObserved({ row: aResolvedRow(1), work: someWork({ files: PENDING, ...WORKS }) });
  const waits = someWork({ files: HALF, subOrders: WAITING });
  const over = someWork({ files: { ...HALF, pending: 0, available: 2 }, subOrders: ENDED });
  const paused = { ...told(), spec: { ...anOrder().spec, suspend: true } };
  const seen = { row: aResolvedRow(1) };
  const others = [
    first,
    anObserved({ ...seen, order: told(), work: waits }),
    anObserved({ ...seen, order: told(), work: over }),
    anObserved({ ...seen, order: paused, work: someWork({ files: HALF, subOrders: WAITING }) }),
  ];
  expect(others.map((other) => plan(other, at(1)).patienceMs)).toEqual([0, 0, 0, 0]);
});
