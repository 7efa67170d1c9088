/** Joining a broker (rs-order.md §4.1): everything made once, what is there left as it is, a clash told by its name. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import type { ChannelModel } from "amqplib";
import { connect } from "amqplib";
import { EXCHANGE, queueNames } from "#api/amqp/names.ts";
import { declareTopology, type TopologyError, topology } from "#api/amqp/topology.ts";
import { LIMITED_USER, type TestBroker, testBroker, VHOST } from "../support/rabbitmq.ts";

const broker = (await testBroker()) as TestBroker;
const tenant = "default";
const queues = queueNames(tenant);

describe.skipIf(!broker)("topology", () => {
  let connection: ChannelModel;

  afterAll(() => broker.stop());
  beforeEach(async () => {
    connection = await broker.connect();
    const channel = await connection.createChannel();
    for (const exchange of Object.values(EXCHANGE)) await channel.deleteExchange(exchange);
    for (const queue of [...Object.values(queues), ...Object.values(queues).map((q) => `${q}.DLQ`)]) {
      await channel.deleteQueue(queue);
    }
    await channel.close();
  });

  const declare = (on = connection) => declareTopology(on, topology(tenant));

  test("declareTopology() makes the contract's exchanges and the tenant's queues, however often", async () => {
    await declare();
    await declare();
    const exchanges = await broker.ctl("list_exchanges", "-p", VHOST, "name", "type", "durable");
    for (const name of [EXCHANGE.request, EXCHANGE.cancel, EXCHANGE.response]) {
      expect(exchanges).toContain(`${name}\tfanout\ttrue`);
    }
    expect(exchanges).toContain("regards.DLX\ttopic\ttrue");
    const listed = await broker.ctl("list_queues", "-p", VHOST, "name", "durable", "arguments");
    const line = listed.split("\n").find((text) => text.startsWith(`${queues.request}\t`));
    expect(line).toContain("true");
    expect(line).toContain('{"x-max-priority",255}');
    expect(line).toContain('{"x-dead-letter-exchange","regards.DLX"}');
    expect(listed).toContain(`${queues.request}.DLQ\ttrue`);
  });

  test("declareTopology() names the queue and the property that differ, and changes nothing", async () => {
    const wanted = {
      "x-dead-letter-exchange": EXCHANGE.deadLetters,
      "x-dead-letter-routing-key": `${queues.request}.DLQ`,
    };
    const channel = await connection.createChannel();
    await channel.assertQueue(queues.request, { durable: true, arguments: { ...wanted, "x-max-priority": 10 } });
    channel.sendToQueue(queues.request, Buffer.from("stays"));
    const error = (await declare().catch((e: unknown) => e)) as TopologyError;
    expect(error).toMatchObject({
      name: "TopologyError",
      object: `queue '${queues.request}'`,
      property: "x-max-priority",
    });
    expect(error.message).toContain(`Cannot join queue '${queues.request}': its property 'x-max-priority' differs`);
    expect((await channel.checkQueue(queues.request)).messageCount).toBe(1);
  });

  test("declareTopology() names the exchange of another type", async () => {
    const channel = await connection.createChannel();
    await channel.assertExchange(EXCHANGE.response, "topic", { durable: true });
    const error = (await declare().catch((e: unknown) => e)) as TopologyError;
    expect(error).toMatchObject({ object: `exchange '${EXCHANGE.response}'`, property: "type" });
  });

  test("declareTopology() joins what is there as a user who may configure nothing", async () => {
    await declare();
    const limited = await connect(broker.urlOf({ user: LIMITED_USER }));
    await declare(limited);
    await limited.close();
  });

  test("declareTopology() says what is missing to a user who may configure nothing", async () => {
    const limited = await connect(broker.urlOf({ user: LIMITED_USER }));
    const error = (await declare(limited).catch((e: unknown) => e)) as TopologyError;
    await limited.close();
    expect(error.message).toBe(
      `Cannot declare exchange '${EXCHANGE.request}': it does not exist and the user may not configure it`,
    );
  });
});
