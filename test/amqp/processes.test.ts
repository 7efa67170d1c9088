/** Listeners as processes: killed with -9 at the worst moment and at any, frozen and thawed. No order is lost, none doubled, every answer told. */
import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { queueNames } from "#api/amqp/names.ts";
import { outboxState } from "#store/outbox.ts";
import { type AmqpWorld, amqpWorld, type Client, orderRequest, TENANT } from "../support/amqp-world.ts";
import { eventually, LIMIT } from "../support/eventually.ts";
import { tcpProxy } from "../support/tcp-proxy.ts";

const LISTENER = join(import.meta.dir, "../support/amqp-listener-process.ts");
const world = (await amqpWorld("amqp_processes")) as AmqpWorld;

describe.skipIf(!world)("listeners as processes", () => {
  let client: Client;
  let children: Bun.Subprocess[] = [];

  beforeEach(async () => {
    client = await world.client();
  });
  afterEach(async () => {
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map((child) => child.exited));
    children = [];
    await client.connection.close();
  });
  afterAll(() => world.close());

  /** Starts a listener; resolves when it takes requests. */
  async function listener(url = world.broker.url): Promise<Bun.Subprocess> {
    const child = Bun.spawn([process.execPath, LISTENER, world.url, world.schema, url], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    children.push(child);
    const { value } = await child.stdout.getReader().read();
    expect(new TextDecoder().decode(value)).toBe("ready\n");
    return child;
  }

  async function send(count: number): Promise<readonly { correlationId: string }[]> {
    const all = Array.from({ length: count }, () => orderRequest());
    for (const request of all) await client.send(request);
    return all;
  }

  async function allServed(all: readonly { correlationId: string }[]): Promise<void> {
    for (const { correlationId } of all) await client.answers(correlationId, 1, LIMIT.slow);
    await eventually("nothing is left to tell", async () => (await outboxState(world.db)).waiting === 0, LIMIT.slow);
    const ids = all.map(({ correlationId }) => correlationId);
    const [found] = await world.db<{ orders: number; told: number }[]>`
      SELECT count(*) AS orders, (SELECT count(*) FROM outbox JOIN orders o ON o.id = order_id
        WHERE o.correlation_id = ANY(${ids}::text[])) AS told
      FROM orders WHERE correlation_id = ANY(${ids}::text[])`;
    expect(found).toEqual({ orders: all.length, told: all.length });
    const byOrder = Map.groupBy(client.heard, ({ answer }) => answer.correlationId);
    for (const id of ids) {
      const repeats = byOrder.get(id) ?? [];
      expect(repeats.every(({ answer }) => answer.status === "GRANTED")).toBe(true);
      expect(new Set(repeats.map(({ raw }) => raw.properties.messageId)).size).toBe(1);
    }
  }

  test("killed with -9 between the order's commit and the acknowledgement", async () => {
    const proxy = await tcpProxy({ host: "127.0.0.1", port: world.broker.port });
    const first = await listener(world.broker.urlOf({ port: proxy.port }));
    // The order can be stored only once nothing reaches the broker any more: the listener stands between the two.
    const all = await world.db.begin(async (sql) => {
      await sql`LOCK TABLE orders IN SHARE MODE`;
      const sent = await send(1);
      await eventually("it is about to store the order", () => isHeldUp(), LIMIT.slow);
      proxy.silence();
      return sent;
    });
    const row = await eventually("the order is stored", () => world.order(all[0]?.correlationId ?? ""));
    first.kill("SIGKILL");
    await first.exited;
    await proxy.stop();
    expect(client.heard).toHaveLength(0);
    await listener();
    await world.db`UPDATE outbox SET next_attempt_at = now() WHERE delivered_at IS NULL`;
    await allServed(all);
    expect(client.heard.map(({ answer }) => answer.orderId)).toEqual([row.id]);
    const waiting = await client.channel.checkQueue(queueNames(TENANT).request);
    expect(waiting.messageCount).toBe(0);
  }, 90_000);

  async function isHeldUp(): Promise<boolean> {
    const held = await world.db`
      SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
    return held.count > 0;
  }

  test("killed with -9 at any moment, again and again", async () => {
    let current = await listener();
    const sending = send(300);
    for (const answers of [10, 60, 120, 200]) {
      await eventually(`${answers} answers`, () => client.heard.length >= answers, LIMIT.slow);
      current.kill("SIGKILL");
      await current.exited;
      current = await listener();
    }
    // Claims of the dead run out by themselves; the test does not wait a minute for that.
    const all = await sending;
    await eventually("all are orders", async () => (await world.orderCount()) >= all.length, LIMIT.slow);
    await world.db`UPDATE outbox SET next_attempt_at = now() WHERE delivered_at IS NULL`;
    await allServed(all);
  }, 180_000);

  test("one of two listeners frozen in the middle, and thawed: the other takes over, nothing is done twice", async () => {
    const frozen = await listener();
    const sending = send(150);
    await eventually("it is at work", () => client.heard.length >= 20, LIMIT.slow);
    frozen.kill("SIGSTOP");
    await listener();
    const all = await sending;
    await eventually(
      "the other has made all orders",
      async () => {
        const ids = all.map(({ correlationId }) => correlationId);
        return (await world.db`SELECT FROM orders WHERE correlation_id = ANY(${ids}::text[])`).count === all.length;
      },
      LIMIT.slow,
    );
    await world.db`UPDATE outbox SET next_attempt_at = now() WHERE delivered_at IS NULL`;
    await allServed(all);
    frozen.kill("SIGCONT");
    const more = await send(50);
    await allServed([...all, ...more]);
    expect(frozen.exitCode).toBeNull();
  }, 180_000);
});
