/** What the operator tells: whether it leads, how its queues, passes and watches are, and how sub-orders ended. */
import { SUBORDER_REASON } from "#crds/conditions.ts";
import type { SubOrder } from "#crds/suborder.ts";
import type { OperatorHealth, OperatorOptions } from "#operator/start.ts";
import type { Registry } from "./registry.ts";

const PASS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const SUBORDER_SECONDS = [1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 14_400, 43_200];

type Hooks = Required<Pick<OperatorOptions, "onPass" | "onSubOrderEnd">>;

/** Registers the metrics; the hooks are the operator's to call. */
export function operatorMetrics(
  registry: Registry,
  now: () => Date,
): Hooks & { follow(health: () => OperatorHealth): void } {
  const passes = registry.histogram(
    "regards_order_reconcile_duration_seconds",
    "Passes of the controllers, by how they ended.",
    PASS_SECONDS,
  );
  const ended = registry.histogram(
    "regards_order_suborder_duration_seconds",
    "From the Job of a sub-order's attempt to its end, waiting in a queue of the cluster included, by how it ended.",
    SUBORDER_SECONDS,
  );
  const files = registry.counter(
    "regards_order_fetched_files_total",
    "Files of sub-orders that have ended, by result.",
  );
  return {
    onPass: (controller, { outcome, ms }) => passes.observe(ms / 1000, { controller, outcome: outcome.kind }),
    onSubOrderEnd(subOrder, reason) {
      ended.observe(secondsOf(subOrder, now()), { reason });
      // Another attempt goes on with the same files.
      if (reason === SUBORDER_REASON.notReady) return;
      files.add(subOrder.status?.files?.available ?? 0, { result: "available" });
      files.add(subOrder.status?.files?.failed ?? 0, { result: "failed" });
    },
    follow: (health) => followHealth(registry, { health, now }),
  };
}

function secondsOf({ status }: SubOrder, now: Date): number {
  const start = status?.startTime === undefined ? now.getTime() : Date.parse(status.startTime);
  const end = status?.completionTime === undefined ? now.getTime() : Date.parse(status.completionTime);
  return Math.max(0, (end - start) / 1000);
}

function followHealth(
  registry: Registry,
  { health, now }: { readonly health: () => OperatorHealth; readonly now: () => Date },
): void {
  const leader = registry.gauge("regards_order_leader", "1 where this process acts, 0 where it stands by.");
  const queues = queueMetrics(registry);
  const watches = watchMetrics(registry, now);
  registry.onCollect(() => {
    const { leading, controllers, watches: all } = health();
    leader.set(leading ? 1 : 0);
    for (const { name, queue } of controllers) queues(name, queue);
    for (const watch of all) watches(watch);
  });
}

function queueMetrics(registry: Registry) {
  const depth = registry.gauge("regards_order_queue_depth", "Keys that could be worked on now.");
  const oldest = registry.gauge("regards_order_queue_oldest_seconds", "How long the first of them has waited.");
  const failing = registry.gauge("regards_order_queue_failing", "Keys whose last pass failed.");
  const added = registry.counter("regards_order_queue_added_total", "Keys that were added.");
  const retried = registry.counter("regards_order_queue_retries_total", "Passes that were to be tried again.");
  return (controller: string, queue: OperatorHealth["controllers"][number]["queue"]) => {
    const labels = { controller };
    depth.set(queue.ready, labels);
    oldest.set(queue.oldestMs / 1000, labels);
    failing.set(queue.failing, labels);
    added.set(queue.added, labels);
    retried.set(queue.retried, labels);
  };
}

function watchMetrics(registry: Registry, now: () => Date) {
  const age = registry.gauge("regards_order_watch_age_seconds", "Since the API server last said anything.");
  const failures = registry.gauge("regards_order_watch_failures", "Failures in a row.");
  const relists = registry.counter("regards_order_watch_relists_total", "Full lists after the first.");
  const objects = registry.gauge("regards_order_cached_objects", "Objects that are known.");
  return (watch: OperatorHealth["watches"][number]) => {
    const labels = { resource: watch.resource };
    age.set((now().getTime() - watch.lastActivity.getTime()) / 1000, labels);
    failures.set(watch.following ? 0 : watch.failures, labels);
    relists.set(watch.relists, labels);
    objects.set(watch.objects, labels);
  };
}
