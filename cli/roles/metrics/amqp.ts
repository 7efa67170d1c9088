/** What the listener tells: whether it takes requests, what became of them, and of the answers. */
import type { AmqpHealth } from "#api/amqp/start.ts";
import type { Registry } from "./registry.ts";

export function amqpMetrics(registry: Registry, health: () => AmqpHealth): void {
  const consuming = registry.gauge("regards_order_amqp_consuming", "1 while requests are taken from the broker.");
  const handled = registry.counter("regards_order_amqp_requests_total", "Requests, by what became of them.");
  const sent = registry.counter("regards_order_amqp_answers_total", "Answers, by what became of them.");
  registry.onCollect(() => {
    const now = health();
    consuming.set(now.consuming ? 1 : 0);
    for (const [result, count] of Object.entries(now.handled)) handled.set(count, { result });
    for (const [result, count] of Object.entries(now.sent)) sent.set(count, { result });
  });
}
