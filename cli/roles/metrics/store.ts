/**
 * What the database tells: orders by state, their files and bytes, what is still to be told, how full the blob store is. Only the leading operator
 * asks, and not more often than every few seconds, however many read its metrics.
 */
import type { Db } from "#store/db.ts";
import { outboxState } from "#store/outbox.ts";
import { countLiveOrders, type Totals } from "#store/totals.ts";
import type { Registry } from "./registry.ts";

const AGAIN_MS = 10_000;

type Gauges = ReturnType<typeof register>;

export function storeMetrics(
  registry: Registry,
  o: { readonly db: Db; readonly isOurs: () => boolean; readonly now: () => Date },
): void {
  const gauges = register(registry);
  let askedAt = Number.NEGATIVE_INFINITY;
  registry.onCollect(async () => {
    if (!o.isOurs()) {
      clear(gauges);
      askedAt = Number.NEGATIVE_INFINITY;
    } else if (performance.now() - askedAt > AGAIN_MS) {
      askedAt = performance.now();
      const [totals, outbox] = await Promise.all([countLiveOrders(o.db), outboxState(o.db)]);
      clear(gauges);
      showTotals(gauges, totals);
      gauges.waiting.set(outbox.waiting);
      gauges.failing.set(outbox.failing);
      gauges.age.set(outbox.oldest ? Math.max(0, (o.now().getTime() - outbox.oldest.getTime()) / 1000) : 0);
    }
  });
}

function register(registry: Registry) {
  return {
    orders: registry.gauge("regards_order_orders", "Orders by status."),
    files: registry.gauge("regards_order_files", "Files of orders that are not over, by state."),
    bytes: registry.gauge("regards_order_bytes", "Bytes of orders that are not over, by state."),
    subOrders: registry.gauge("regards_order_suborders", "Sub-orders of orders that are not over, by state."),
    blobs: registry.gauge("regards_order_blob_bytes", "Bytes kept in the blob store."),
    waiting: registry.gauge("regards_order_outbox_messages", "Messages that are still to be delivered."),
    failing: registry.gauge("regards_order_outbox_failing", "Those whose last delivery failed."),
    age: registry.gauge("regards_order_outbox_oldest_seconds", "Age of the oldest of them."),
  };
}

/** A state that nothing is in any more must not be told with its last count. */
function clear(gauges: Gauges): void {
  for (const gauge of Object.values(gauges)) gauge.clear();
}

function showTotals(gauges: Gauges, totals: Totals): void {
  for (const { status, orders } of totals.statuses) gauges.orders.set(orders, { status });
  for (const [state, count] of Object.entries(totals.files)) gauges.files.set(count, { state });
  for (const [state, count] of Object.entries(totals.bytes)) gauges.bytes.set(count, { state });
  for (const [state, count] of Object.entries(totals.subOrders)) gauges.subOrders.set(count, { state });
  gauges.blobs.set(totals.blobBytes);
}
