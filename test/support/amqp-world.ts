/**
 * A tenant's AMQP listener over the real things: RabbitMQ, PostgreSQL, the catalogue, the local Kubernetes; and clients that order and listen.
 * Several listeners may run, in this process or (for kill -9) in one of their own.
 */
import type { ChannelModel, ConfirmChannel, ConsumeMessage, Options } from "amqplib";
import pino from "pino";
import { EXCHANGE, HEADER } from "#api/amqp/names.ts";
import { type Amqp, type AmqpOptions, startAmqp } from "#api/amqp/start.ts";
import { postgresCatalogue } from "#catalog/catalogue.ts";
import type { Order } from "#crds/order.ts";
import type { Process, ProcessSpec } from "#crds/process.ts";
import { ORDERS, PROCESSES } from "#crds/resource-types.ts";
import { resourceApi } from "#kube/resource.ts";
import { handlerTransport } from "#kube/transport.ts";
import { localKubernetes } from "#local/kubernetes/server.ts";
import { findOrderByKey, type OrderRow } from "#store/orders.ts";
import { upsertUser } from "#store/users.ts";
import { eventually, LIMIT } from "./eventually.ts";
import { testProcess } from "./process.ts";
import { addProduct } from "./product.ts";
import { type TestBroker, testBroker } from "./rabbitmq.ts";
import { testStore } from "./store.ts";

export const TENANT = "default";
export const ADA = "ada@example.org";
export const BOB = "bob@example.org";
export const ADMIN = "admin@example.org";
export const IDLE = "idle@example.org";

export type Answer = {
  readonly correlationId: string;
  readonly status: string;
  readonly orderId?: number;
  readonly message?: string;
  readonly errorType?: string;
  readonly errorCode?: string;
  readonly errors?: number;
  readonly [field: string]: unknown;
};

export type Heard = { readonly answer: Answer; readonly raw: ConsumeMessage };

export type Client = {
  readonly connection: ChannelModel;
  readonly channel: ConfirmChannel;
  /** The answers so far, in the order of their coming. */
  readonly heard: readonly Heard[];
  /** Sends a request and waits for the broker's confirm. */
  send(body: unknown, options?: Options.Publish): Promise<void>;
  cancel(body: unknown, options?: Options.Publish): Promise<void>;
  /** The answers with this correlation id, once there are `count`. */
  answers(correlationId: string, count?: number, limitMs?: number): Promise<readonly Answer[]>;
};

export type AmqpWorld = NonNullable<Awaited<ReturnType<typeof amqpWorld>>>;

/** Undefined where there is no RabbitMQ. */
export async function amqpWorld(label: string) {
  const store = await testStore(label);
  const broker = await testBroker();
  if (!broker) return void (await store.drop());
  const { db } = store;
  const now = () => new Date();
  const logged: string[] = [];
  const logger = pino({ level: "debug" }, { write: (line: string) => void logged.push(line) });
  const kubernetes = await localKubernetes({ url: store.url, now, logger: pino({ level: "silent" }) });
  const transport = handlerTransport((request) => kubernetes.handle(request), { namespace: "default" });
  await addUsers(db);
  await addProduct(db, { name: "scene-1", bytes: 1000, properties: { platform: ["sentinel"] } }, now());
  await addProduct(db, { name: "scene-2", bytes: 2000, properties: { platform: ["sentinel"] } }, now());
  const running: { stop: AbortController; amqp: Amqp }[] = [];

  return {
    ...store,
    broker,
    logged,
    orders: resourceApi<Order>(transport, ORDERS),
    /** An administrator approves a process. */
    process: (name: string, spec: Partial<ProcessSpec> = {}) =>
      resourceApi<Process>(transport, PROCESSES).create(testProcess(name, spec)),
    /** Starts a listener and waits until it takes requests; `stop` waits for its end. */
    listen: async (o: Partial<AmqpOptions> = {}) => {
      const stop = new AbortController();
      const catalogue = postgresCatalogue(db);
      const options = { db, transport, catalogue, now, random: Math.random, logger, tenant: TENANT, url: broker.url };
      const amqp = startAmqp({ ...options, signal: stop.signal, ...o });
      running.push({ stop, amqp });
      await amqp.ready;
      return {
        amqp,
        stop: async () => {
          stop.abort();
          await amqp.stopped;
        },
      };
    },
    client: () => client(broker),
    order: async (correlationId: string, owner = ADA): Promise<OrderRow | undefined> =>
      await findOrderByKey(db, owner, correlationId),
    orderCount: async () => (await db<{ n: number }[]>`SELECT count(*) AS n FROM orders`)[0]?.n ?? 0,
    close: async () => {
      for (const { stop } of running) stop.abort();
      await Promise.allSettled(running.map(({ amqp }) => amqp.stopped));
      await kubernetes.stop();
      await store.drop();
      await broker.stop();
    },
  };
}

async function addUsers(db: Parameters<typeof upsertUser>[0]): Promise<void> {
  await upsertUser(db, { email: ADA, role: "REGISTERED_USER", groups: [], active: true });
  await upsertUser(db, { email: BOB, role: "REGISTERED_USER", groups: [], active: true });
  await upsertUser(db, { email: ADMIN, role: "ADMIN", groups: [], active: true });
  await upsertUser(db, { email: IDLE, role: "REGISTERED_USER", groups: [], active: false });
}

/** A good request; its correlation id is new where none is given. */
export function orderRequest(
  changes: Record<string, unknown> = {},
): Record<string, unknown> & { correlationId: string } {
  return { correlationId: crypto.randomUUID(), user: ADA, queries: ["platform:sentinel"], ...changes };
}

/** A client with a queue of its own on the response exchange, as an administrator of REGARDS would make it. */
export async function client(broker: Pick<TestBroker, "connect">): Promise<Client> {
  const connection = await broker.connect();
  const channel = await connection.createConfirmChannel();
  channel.on("error", () => {});
  const heard: Heard[] = [];
  await channel.assertExchange(EXCHANGE.response, "fanout", { durable: true });
  const { queue } = await channel.assertQueue("", { exclusive: true });
  await channel.bindQueue(queue, EXCHANGE.response, "");
  await channel.consume(
    queue,
    (raw) => {
      if (raw) heard.push({ answer: JSON.parse(raw.content.toString()), raw });
    },
    { noAck: true },
  );
  const publish = async (exchange: string, body: unknown, options: Options.Publish) => {
    const content = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    channel.publish(exchange, "", content, { persistent: true, headers: { [HEADER.tenant]: TENANT }, ...options });
    await channel.waitForConfirms();
  };
  return {
    connection,
    channel,
    heard,
    send: (body, options = {}) => publish(EXCHANGE.request, body, options),
    cancel: (body, options = {}) => publish(EXCHANGE.cancel, body, options),
    answers: async (correlationId, count = 1, limitMs = LIMIT.normal) => {
      const matching = () => heard.filter(({ answer }) => answer.correlationId === correlationId);
      await eventually(`${count} answers to '${correlationId}'`, () => matching().length >= count, limitMs);
      return matching().map(({ answer }) => answer);
    },
  };
}
