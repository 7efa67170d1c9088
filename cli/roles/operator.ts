/**
 * The `operator` role: of several one acts, the holder of the lease, and the others stand by with full caches. Ready means that it could act at
 * once; alive means that its loops go round. That the API server is away is no reason to restart it: the loops wait and come back.
 */
import { hostname } from "node:os";
import { postgresCatalogue } from "#catalog/catalogue.ts";
import { type OperatorHealth, startOperator, TIME_BOX_MS } from "#operator/start.ts";
import type { WatchHealth } from "#operator/watches.ts";
import { openBlobStore } from "#store/blobs/open.ts";
import { orderSpan, subOrderSpan } from "../traces/spans.ts";
import { type Environment, given, readLinks } from "./environment.ts";
import type { Problems } from "./health.ts";
import { readJobConfig } from "./job-config.ts";
import { operatorMetrics } from "./metrics/operator.ts";
import { storeMetrics } from "./metrics/store.ts";
import type { Role } from "./role.ts";

const DEFAULT_LEASE = "regards-order-operator";
/** A frozen operator's transactions are rolled back after this time; longer than any of ours stands still. */
const IDLE_TRANSACTION_MS = 60_000;
/** Watches say something every 48 s at the latest, and a loop that fails pauses for 30 s at most. */
const WATCH_TURN_MS = 300_000;
/** A pass ends when its time box is over, unless what it waits for cannot be broken off. */
const STUCK_PASS_MS = 5 * TIME_BOX_MS;
const FAILURES_NOT_READY = 3;

export function operatorRole(env: Environment): Role {
  const links = readLinks(env);
  const blobsUrl = given(env, "ORDER_BLOBS_URL");
  const jobFile = given(env, "ORDER_JOB_CONFIG");
  const lease = {
    name: env["ORDER_LEASE_NAME"] || DEFAULT_LEASE,
    // Different for every process, also for two that follow each other in one pod.
    identity: `${env["ORDER_POD_NAME"] || hostname()}_${crypto.randomUUID()}`,
  };
  return {
    name: "operator",
    connections: 10,
    idleTransactionMs: IDLE_TRANSACTION_MS,
    stopWithinMs: 25_000,
    async start({ db, transport, surroundings, now, random, logger, registry, tracer, signal }) {
      const { namespace, tenant } = surroundings;
      const job = { ...(await readJobConfig(jobFile)), ...(tracer && { traces: { tenant } }) };
      const { follow, onPass, onSubOrderEnd } = operatorMetrics(registry, now);
      const operator = startOperator({
        onPass,
        onSubOrderEnd(subOrder, reason) {
          onSubOrderEnd(subOrder, reason);
          tracer?.tell(subOrderSpan(tenant, subOrder, { reason, now: now() }));
        },
        onOrderEnd(order) {
          const span = orderSpan(tenant, order, now());
          if (span) tracer?.tell(span);
        },
        db,
        transport,
        catalogue: postgresCatalogue(db),
        blobs: await openBlobStore(blobsUrl, env),
        config: { namespace, job, ...links, lease },
        now,
        random,
        logger,
        signal,
      });
      follow(operator.health);
      storeMetrics(registry, { db, isOurs: () => operator.health().leading, now });
      return {
        about: lease.identity,
        ready: operator.ready,
        ended: operator.stopped,
        alive: () => stuck(operator.health(), performance.now()),
        prepared: () => unprepared(operator.health()),
      };
    },
  };
}

/** What only a restart can mend: a loop that no longer goes round. */
export function stuck({ watches, controllers }: Pick<OperatorHealth, "watches" | "controllers">, at: number): Problems {
  return [
    ...watches
      .filter(({ turnedAt }) => at - turnedAt > WATCH_TURN_MS)
      .map(({ resource, turnedAt }) => `The watch of ${resource} has stood still for ${seconds(at - turnedAt)} s`),
    ...controllers
      .filter(({ passes }) => passes !== undefined && passes.longestMs > STUCK_PASS_MS)
      .map(({ name, passes }) => `A pass of the ${name} controller has run for ${seconds(passes?.longestMs ?? 0)} s`),
  ];
}

/** What keeps it from acting at once, whether it leads or stands by. */
export function unprepared({ watches }: Pick<OperatorHealth, "watches">): Problems {
  return watches.flatMap((watch) => watchProblem(watch) ?? []);
}

function watchProblem({ resource, synced, following, failures }: WatchHealth): string | undefined {
  if (!synced) return `The ${resource} are not listed yet`;
  if (!following && failures >= FAILURES_NOT_READY)
    return `The watch of ${resource} has failed ${failures} times in a row`;
  return undefined;
}

function seconds(ms: number): number {
  return Math.round(ms / 1000);
}
