/** The `amqp` role as processes of their own, beside an operator: orders and deliveries walk through them; stopped, killed, cut off, two at once. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { EXCHANGE, HEADER, queueNames } from "#api/amqp/names.ts";
import { outboxState } from "#store/outbox.ts";
import { client as amqpClient, type Client } from "../support/amqp-world.ts";
import { deliveryClient } from "../support/delivery-client.ts";
import { eventually, LIMIT } from "../support/eventually.ts";
import { runProgram } from "../support/program.ts";
import { type TestBroker, testBroker } from "../support/rabbitmq.ts";
import type { RoleProcess } from "../support/role.ts";
import { type RolesWorld, rolesWorld, TENANT, USER } from "../support/roles-world.ts";
import { type TestS3, testS3 } from "../support/s3.ts";
import { type TcpProxy, tcpProxy } from "../support/tcp-proxy.ts";

const LONG_MS = 120_000;
const broker = (await testBroker()) as TestBroker;
const s3 = (await testS3()) as TestS3;

describe.skipIf(!broker || !s3)("the amqp role", () => {
  let world: RolesWorld;
  let client: Client;
  let proxy: TcpProxy;
  let env: Record<string, string>;

  beforeAll(async () => {
    world = await rolesWorld("amqp_roles");
    proxy = await tcpProxy({ host: "127.0.0.1", port: broker.port });
    env = {
      ORDER_AMQP_URL: broker.url,
      ORDER_DELIVERY_URL: `s3://${s3.bucket}`,
      ORDER_DELIVERY_S3_ENDPOINT: s3.endpoint,
      ORDER_DELIVERY_S3_ACCESS_KEY_ID: s3.accessKeyId,
      ORDER_DELIVERY_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
    };
    await world.prepare();
    await world.product("scene", Buffer.from("what a satellite saw"));
    client = await amqpClient(broker);
  }, LONG_MS);
  afterAll(async () => {
    await world.close();
    await proxy.stop();
    await broker.stop();
    await s3.stop();
  }, LONG_MS);

  const headers = { [HEADER.tenant]: TENANT };
  const request = () => ({ correlationId: crypto.randomUUID(), user: USER, queries: ['name:"scene"'] });

  async function send(count: number): Promise<readonly string[]> {
    const all = Array.from({ length: count }, request);
    for (const one of all) await client.send(one, { headers });
    return all.map(({ correlationId }) => correlationId);
  }

  /** Every request became one order, was granted by one message (however often it was told), and nothing is left. */
  async function allServed(ids: readonly string[]): Promise<void> {
    for (const id of ids) await client.answers(id, 1, LIMIT.slow);
    const rows = await world.db`SELECT FROM orders WHERE correlation_id = ANY(${[...ids]}::text[])`;
    expect(rows.count).toBe(ids.length);
    for (const id of ids) {
      const granted = client.heard.filter(({ answer }) => answer.correlationId === id && answer.status === "GRANTED");
      expect(new Set(granted.map(({ raw }) => raw.properties.messageId)).size).toBe(1);
    }
    await eventually("the queue is empty", async () => {
      const { messageCount } = await client.channel.checkQueue(queueNames(TENANT).request);
      return messageCount === 0;
    });
  }

  let one: RoleProcess;
  let two: RoleProcess;

  test(
    "two of it and an operator carry an order from request to DONE, and a delivery to its bucket",
    async () => {
      [one, two] = await Promise.all([
        world.start("amqp-1", "amqp", env),
        world.start("amqp-2", "amqp", env),
        world.start("operator", "operator"),
      ]);
      expect([await one.probe("readyz"), await two.probe("readyz")]).toEqual([200, 200]);
      const asked = request();
      await client.send(asked, { headers });
      const answers = await client.answers(asked.correlationId, 3, LIMIT.slow);
      expect(answers.map(({ status }) => status)).toEqual(["GRANTED", "SUBORDER_DONE", "DONE"]);
      const made = world.writes.filter(({ who, what }) => who.startsWith("amqp") && what.startsWith("POST"));
      expect(made).toHaveLength(1);
      const deliveries = await deliveryClient(broker, TENANT);
      const { user, queries } = request();
      await deliveries.ask({ correlationId: "bring-it", targetDelivery: "t", order: { user, queries } });
      const [, done] = await deliveries.answers("bring-it", 2);
      expect(done).toMatchObject({ status: "DONE" });
      expect(done?.url).toEndWith("/scene_1.zip");
      await deliveries.connection.close();
    },
    LONG_MS,
  );

  test(
    "told to stop in the middle of a rush it finishes what it began and ends with 0; the other does the rest",
    async () => {
      const sending = send(150);
      await eventually("it is at work", () => client.heard.length >= 20, LIMIT.slow);
      expect(await one.end("SIGTERM")).toBe(0);
      expect(one.log()).toContain('"msg":"Stopped"');
      await allServed(await sending);
    },
    LONG_MS,
  );

  test(
    "killed with -9 in the middle of a rush nothing is lost or doubled",
    async () => {
      const third = await world.start("amqp-3", "amqp", env);
      const before = client.heard.length;
      const sending = send(150);
      await eventually("they are at work", () => client.heard.length >= before + 20, LIMIT.slow);
      expect(await two.end("SIGKILL")).toBeNull();
      const ids = await sending;
      // Claims of the dead run out by themselves; the test does not wait for that.
      await eventually("all are orders", async () => {
        const rows = await world.db`SELECT FROM orders WHERE correlation_id = ANY(${[...ids]}::text[])`;
        return rows.count === ids.length;
      });
      await world.db`UPDATE outbox SET next_attempt_at = now() WHERE delivered_at IS NULL`;
      await allServed(ids);
      expect(await third.end("SIGTERM")).toBe(0);
    },
    LONG_MS,
  );

  test(
    "without its broker it is alive but not ready, and takes requests again when it is back",
    async () => {
      const url = broker.urlOf({ port: proxy.port });
      const cut = await world.start("amqp-4", "amqp", { ...env, ORDER_AMQP_URL: url });
      proxy.refuse();
      await eventually("it is not ready", async () => (await cut.probe("readyz")) === 503, LIMIT.slow);
      expect(await cut.probe("healthz")).toBe(200);
      const ids = await send(5);
      proxy.accept();
      await eventually("it is ready", async () => (await cut.probe("readyz")) === 200, LIMIT.slow);
      await allServed(ids);
      await eventually("all is told", async () => (await outboxState(world.db)).waiting === 0, LIMIT.slow);
      expect(await cut.end("SIGTERM")).toBe(0);
    },
    LONG_MS,
  );

  test(
    "ends with one clear line where the broker has something else under our names",
    async () => {
      const connection = await broker.connect();
      const channel = await connection.createChannel();
      await channel.deleteExchange(EXCHANGE.response);
      await channel.assertExchange(EXCHANGE.response, "topic", { durable: true });
      const config = `${world.folder}/amqp-4.kubeconfig`;
      const outcome = await runProgram(["amqp"], {
        env: {
          ...env,
          ORDER_TENANT: TENANT,
          ORDER_DATABASE_URL: world.databaseUrl,
          ORDER_KUBECONFIG: config,
          ORDER_HEALTH_PORT: "0",
          ORDER_PUBLIC_URL: "https://x.example.org",
          ORDER_BLOBS_URL: `file://${world.folder}/blobs`,
        },
      });
      expect(outcome.code).toBe(1);
      expect(outcome.stderr).toContain(`Cannot join exchange '${EXCHANGE.response}': its property 'type' differs`);
    },
    LONG_MS,
  );
});
