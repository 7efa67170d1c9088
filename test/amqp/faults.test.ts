/** What breaks between us, the broker and the database. After each: no order lost, none doubled, every answer told. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { EXCHANGE, queueNames } from "#api/amqp/names.ts";
import { postgresCatalogue } from "#catalog/catalogue.ts";
import { connect } from "#store/db.ts";
import { outboxState } from "#store/outbox.ts";
import { type AmqpWorld, amqpWorld, type Client, orderRequest, TENANT } from "../support/amqp-world.ts";
import { eventually, LIMIT } from "../support/eventually.ts";
import { type TcpProxy, tcpProxy } from "../support/tcp-proxy.ts";

const world = (await amqpWorld("amqp_faults")) as AmqpWorld;
const queues = queueNames(TENANT);

describe.skipIf(!world)("faults of AMQP", () => {
  let client: Client;
  let proxy: TcpProxy;
  let listener: Awaited<ReturnType<AmqpWorld["listen"]>>;

  beforeAll(async () => {
    proxy = await tcpProxy({ host: "127.0.0.1", port: world.broker.port });
    listener = await world.listen({ url: world.broker.urlOf({ port: proxy.port }), heartbeatSeconds: 1 });
  });
  afterAll(async () => {
    await world.close();
    await proxy.stop();
  });
  beforeEach(async () => {
    // Its queue goes with it: nobody but the test's own client hears the answers.
    await client?.connection.close().catch(() => {});
    client = await world.client();
  });

  const requests = (count: number) => Array.from({ length: count }, () => orderRequest());

  async function send(all: readonly { correlationId: string }[], each: (i: number) => void = () => {}) {
    for (const [i, request] of all.entries()) {
      await client.send(request);
      each(i);
    }
  }

  /** Each request has become one order, was GRANTED, and repeats carry the same message id. */
  async function allServed(all: readonly { correlationId: string }[], o: { heard: boolean } = { heard: true }) {
    for (const { correlationId } of all) {
      if (o.heard) await client.answers(correlationId, 1, LIMIT.slow);
    }
    const ids = all.map(({ correlationId }) => correlationId);
    await eventually(
      "there is nothing left to tell",
      async () => (await outboxState(world.db)).waiting === 0,
      LIMIT.slow,
    );
    const rows = await world.db<{ n: number; orders: number }[]>`
      SELECT count(*) AS orders, count(DISTINCT correlation_id) AS n FROM orders WHERE correlation_id = ANY(${ids}::text[])`;
    expect(rows[0]).toEqual({ n: all.length, orders: all.length });
    const told = client.heard.filter(({ answer }) => ids.includes(answer.correlationId));
    expect(told.every(({ answer }) => answer.status === "GRANTED")).toBe(true);
    const byOrder = Map.groupBy(told, ({ answer }) => answer.correlationId);
    for (const repeats of byOrder.values()) {
      expect(new Set(repeats.map(({ raw }) => raw.properties.messageId)).size).toBe(1);
    }
  }

  test("connections cut in the middle of a batch", async () => {
    const all = requests(120);
    await send(all, (i) => {
      if (i % 40 === 20) proxy.cut();
    });
    await allServed(all);
  }, 90_000);

  test("all connections closed by the broker's administrator", async () => {
    const all = requests(20);
    await send(all);
    await world.broker.ctl("close_all_connections", "--vhost", "regards.multitenant.manager", "maintenance");
    client = await world.client();
    const more = requests(20);
    await send(more);
    await allServed(more);
    await allServed(all, { heard: false });
  }, 90_000);

  test("a half-open connection that carries nothing any more", async () => {
    await eventually("it consumes", () => listener.amqp.health().consuming, LIMIT.slow);
    const made = proxy.connections();
    proxy.silence();
    const all = requests(10);
    await send(all);
    await eventually("it has noticed", () => proxy.connections() >= made + 2, LIMIT.slow);
    await allServed(all);
  }, 90_000);

  test("the channel closed by the server: somebody deleted the response exchange", async () => {
    await client.channel.deleteExchange(EXCHANGE.response);
    const lost = requests(5);
    await send(lost);
    await eventually("the exchange is back", () => exchangeIsThere(), LIMIT.slow);
    client = await world.client();
    const more = requests(5);
    await send(more);
    await allServed(more);
    await allServed(lost, { heard: false });
  }, 90_000);

  async function exchangeIsThere(): Promise<boolean> {
    const connection = await world.broker.connect();
    const channel = await connection.createChannel();
    channel.on("error", () => {});
    try {
      await channel.checkExchange(EXCHANGE.response);
      return true;
    } finally {
      await connection.close();
    }
  }

  test("the request queue deleted: the consumer is cancelled and comes back with the queue", async () => {
    await client.channel.deleteQueue(queues.request);
    await eventually(
      "the queue has its consumer again",
      async () => (await client.channel.assertQueue(queues.request, queueLike())).consumerCount > 0,
      LIMIT.slow,
    );
    const all = requests(5);
    await send(all);
    await allServed(all);
  }, 90_000);

  const queueLike = () => ({
    durable: true,
    arguments: {
      "x-max-priority": 255,
      "x-dead-letter-exchange": EXCHANGE.deadLetters,
      "x-dead-letter-routing-key": `${queues.request}.DLQ`,
    },
  });

  test("PostgreSQL away: messages stay unacknowledged, and are answered when it is back", async () => {
    await listener.stop();
    const address = new URL(world.url);
    const database = await tcpProxy({ host: address.hostname, port: Number(address.port) });
    address.port = String(database.port);
    const db = connect(address.href, { schema: world.schema });
    const second = await world.listen({ db, catalogue: postgresCatalogue(db) });
    database.refuse();
    const all = requests(10);
    await send(all);
    await eventually("it has tried", () => second.amqp.health().handled.retries >= 3, LIMIT.slow);
    expect(await world.order(all[0]?.correlationId ?? "")).toBeUndefined();
    expect(second.amqp.health().handled).toMatchObject({ answered: 0, poison: 0 });
    database.accept();
    await allServed(all);
    await second.stop();
    await db.end({ timeout: 1 });
    await database.stop();
    listener = await world.listen({ url: world.broker.urlOf({ port: proxy.port }), heartbeatSeconds: 1 });
  }, 90_000);

  test("a memory alarm: orders are made, answers wait and come when it is over", async () => {
    await listener.stop();
    const all = requests(10);
    await send(all);
    await world.broker.ctl("set_vm_memory_high_watermark", "absolute", "1MB");
    listener = await world.listen({ url: world.broker.urlOf({ port: proxy.port }), heartbeatSeconds: 1 });
    await eventually(
      "all orders are there",
      async () => {
        const ids = all.map(({ correlationId }) => correlationId);
        const rows = await world.db`SELECT FROM orders WHERE correlation_id = ANY(${ids}::text[])`;
        return rows.count === all.length;
      },
      LIMIT.slow,
    );
    await eventually("the sender is told to wait", () =>
      world.logged.some((line) => line.includes("takes no messages now")),
    );
    expect(client.heard).toHaveLength(0);
    await world.broker.ctl("set_vm_memory_high_watermark", "0.4");
    await allServed(all);
  }, 90_000);

  test("no queue bound to the response exchange: answers are kept, and come once there is one", async () => {
    await client.connection.close();
    const sender = await world.broker.connect();
    const channel = await sender.createConfirmChannel();
    const request = orderRequest();
    channel.publish(EXCHANGE.request, "", Buffer.from(JSON.stringify(request)), {
      headers: { "regards.tenant": TENANT },
    });
    await channel.waitForConfirms();
    await eventually("the answer is kept", async () => (await outboxState(world.db)).failing > 0, LIMIT.slow);
    const state = await outboxState(world.db);
    expect(state.lastError).toBe("no queue is bound to the response exchange");
    client = await world.client();
    await allServed([request]);
  }, 90_000);

  test("the broker killed with -9 and started again: what it had taken is answered", async () => {
    const all = requests(30);
    await send(all);
    await world.broker.restart();
    client = await world.client();
    const more = requests(10);
    await send(more);
    await allServed(more);
    await allServed(all, { heard: false });
  }, 180_000);
});
