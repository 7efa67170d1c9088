/**
 * The AMQP side of the order service: requests and cancels in, answers out. Two links, because a broker that is short of memory stops reading from
 * connections that publish, and acknowledgements must still pass. Any number of these may run for a tenant, on any machines.
 */
import { followChanges } from "#store/changes.ts";
import type { OrderRow } from "#store/orders.ts";
import { type QueuedMessage, queueMessages } from "#store/outbox.ts";
import type { AcceptDeps } from "../orders/accept.ts";
import { tryToCreate } from "../orders/resource.ts";
import { briefly, processReader } from "../processes/read.ts";
import { batchedStore } from "./batched-store.ts";
import { batcher } from "./batcher.ts";
import { briefCatalogue } from "./brief-catalogue.ts";
import { answerCancel } from "./cancel.ts";
import { consume } from "./consumer.ts";
import type { DeliverDeps } from "./delivery/deliver.ts";
import { runDeliveries } from "./delivery/loop.ts";
import { answerDelivery } from "./delivery/request.ts";
import type { HandlerCounters, HandlerDeps, Inbox } from "./handle.ts";
import type { Asked } from "./incoming.ts";
import { limiter } from "./limiter.ts";
import { keepConnected, type Link } from "./link.ts";
import { queueNames } from "./names.ts";
import { createPublisher, type Publisher } from "./publisher.ts";
import { answerRequest } from "./requests.ts";
import { type Sender, type SenderCounters, startSender } from "./sender.ts";
import { brokerUrl, declareTopology, TopologyError, topology } from "./topology.ts";

export type AmqpOptions = AcceptDeps & {
  readonly url: string;
  readonly tenant: string;
  readonly random: () => number;
  readonly signal: AbortSignal;
  readonly heartbeatSeconds?: number;
  /** Deliveries of each queue that are taken before they are acknowledged. */
  readonly prefetch?: number;
  /** Requests that are worked on at a time. */
  readonly concurrency?: number;
  /** Absent: this service delivers nothing, and leaves the delivery exchange to others. */
  readonly delivery?: DeliveryOptions;
};

export type DeliveryOptions = Pick<DeliverDeps, "blobs" | "place" | "fileUrl">;

export type AmqpHealth = {
  readonly consuming: boolean;
  readonly links: number;
  readonly handled: Readonly<HandlerCounters>;
  readonly sent: Readonly<SenderCounters>;
};

export type Amqp = {
  /** Settles once requests are taken; rejects with TopologyError when the broker has something else under our names. */
  readonly ready: Promise<void>;
  readonly stopped: Promise<void>;
  health(): AmqpHealth;
};

const HEARTBEAT_SECONDS = 10;
const PREFETCH = 200;
const CONCURRENCY = 200;
const RESOURCES_AT_ONCE = 4;
const MOST_RESOURCES_DUE = 5_000;
const LARGEST_BATCH = 500;

export function startAmqp(options: AmqpOptions): Amqp {
  const { signal, logger, tenant } = options;
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>();
  ready.catch(() => {});
  const state = { consuming: false, links: 0 };
  const publisher = createPublisher();
  // Publishing outlives consuming: a delivery that is begun may have to be put aside.
  const rest = new AbortController();
  const sender = startSender({ ...options, publisher, signal: rest.signal });
  const deps = handlerDeps(options, { publisher, sender });
  const link = (name: string) => ({
    url: brokerUrl(options.url),
    name: `regards-order ${tenant} ${name}`,
    heartbeatSeconds: options.heartbeatSeconds ?? HEARTBEAT_SECONDS,
    random: options.random,
    logger,
  });
  const whileConnected = (session: (link: Link) => Promise<void>) => async (connected: Link) => {
    state.links++;
    try {
      await declared(connected, options).catch((error: unknown) => {
        if (error instanceof TopologyError) reject(error);
        throw error;
      });
      await session(connected);
    } finally {
      state.links--;
    }
  };
  const publishing = keepConnected(
    { ...link("answers"), signal: rest.signal },
    whileConnected((connected) => publisher.serve(connected, rest.signal)),
  );
  const consuming = keepConnected(
    { ...link("requests"), signal },
    whileConnected(async (connected) => {
      const onStarted = () => {
        state.consuming = true;
        resolve();
      };
      const prefetch = options.prefetch ?? PREFETCH;
      try {
        await consume(connected, { deps, inboxes: inboxes(options), prefetch, signal, onStarted });
      } finally {
        state.consuming = false;
      }
    }),
  );
  void consuming.finally(() => rest.abort());
  const following = follow(options, sender.wake);
  const delivering = delivered(options, sender);
  const stopped = Promise.all([publishing, consuming, sender.stopped, following, delivering]).then(() => {});
  stopped.catch(() => {});
  return { ready, stopped, health: () => ({ ...state, handled: deps.counters, sent: sender.counters }) };
}

async function delivered(options: AmqpOptions, sender: Sender): Promise<void> {
  const { delivery, signal } = options;
  if (delivery) await runDeliveries({ ...options, ...delivery, told: sender.wake }, signal);
}

async function declared(link: Link, { tenant, delivery }: AmqpOptions): Promise<void> {
  await declareTopology(link.connection, topology(tenant, { deliveries: delivery !== undefined }));
}

function handlerDeps(options: AmqpOptions, o: { publisher: Publisher; sender: Sender }): HandlerDeps {
  const { db, tenant, now, random, logger } = options;
  return {
    tenant,
    now,
    random,
    logger,
    publisher: o.publisher,
    outbox: batcher<QueuedMessage, void>(async (messages) => {
      await queueMessages(db, messages, { now: now() });
      return [];
    }, LARGEST_BATCH),
    limit: limiter(options.concurrency ?? CONCURRENCY),
    counters: { answered: 0, foreign: 0, poison: 0, retries: 0 },
    wake: o.sender.wake,
  };
}

function inboxes(options: AmqpOptions): readonly Inbox[] {
  const queues = queueNames(options.tenant);
  const catalogue = briefCatalogue(options.catalogue);
  const makeResource = resourceMaker(options);
  const readProcesses = briefly(processReader(options.transport));
  const deps = { ...options, catalogue, store: batchedStore(options.db), readProcesses, makeResource };
  return [
    { queue: queues.request, answer: (asked) => answerRequest(deps, asked) },
    { queue: queues.cancel, answer: (asked) => answerCancel(options, asked) },
    ...(options.delivery
      ? [
          {
            queue: queues.delivery,
            answer: (asked: Asked) => answerDelivery({ ...options, catalogue, readProcesses, makeResource }, asked),
          },
        ]
      : []),
  ];
}

/**
 * The answer does not wait for the order's resource: who answers hundreds a second must not stand still while Kubernetes does. In a rush that is too
 * long to catch up with, some are left to the operator, which makes what is missing.
 */
function resourceMaker(options: AmqpOptions): (row: OrderRow) => Promise<void> {
  const limit = limiter(RESOURCES_AT_ONCE);
  let due = 0;
  return async (row) => {
    if (due >= MOST_RESOURCES_DUE) return;
    due++;
    void limit(() => tryToCreate(options, row)).finally(() => due--);
  };
}

/** The operator's messages are announced by the database. */
async function follow({ db, signal, logger }: AmqpOptions, wake: () => void): Promise<void> {
  const onFailure = (error: unknown) => logger.warn({ err: error }, "cannot follow changes yet");
  await followChanges(db, wake, { onGap: wake, onFailure, signal });
}
