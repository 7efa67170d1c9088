/** Cancels over AMQP (rs-order.md §4.4), with what is missing there: an answer, and the question whose order it is (P19). */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { recordProgress } from "#store/orders.ts";
import { ADA, ADMIN, type AmqpWorld, amqpWorld, BOB, type Client, IDLE, orderRequest } from "../support/amqp-world.ts";

const world = (await amqpWorld("amqp_cancel")) as AmqpWorld;

describe.skipIf(!world)("cancels over AMQP", () => {
  let client: Client;

  beforeAll(async () => {
    await world.listen();
    client = await world.client();
  });
  afterAll(() => world.close());

  async function ordered() {
    const request = orderRequest();
    await client.send(request);
    await client.answers(request.correlationId);
    const row = await world.order(request.correlationId);
    if (!row) throw new Error("There is no order");
    return row;
  }

  /** What the resource is asked for. */
  async function wish(name: string): Promise<string | undefined> {
    return (await world.orders.get(name))?.spec.shutdown;
  }

  const rules: Record<string, { user?: string; knowsKey: boolean; wantAllowed: boolean }> = {
    "who knows the order's correlation id": { knowsKey: true, wantAllowed: true },
    "who does not know the order's correlation id": { knowsKey: false, wantAllowed: false },
    "its owner, under another correlation id": { user: ADA, knowsKey: false, wantAllowed: true },
    "an administrator": { user: ADMIN, knowsKey: false, wantAllowed: true },
    "another user": { user: BOB, knowsKey: false, wantAllowed: false },
    "another user who knows the correlation id": { user: BOB, knowsKey: true, wantAllowed: false },
    "a user who is not active": { user: IDLE, knowsKey: true, wantAllowed: false },
    "a user that nobody knows": { user: "nobody@example.org", knowsKey: true, wantAllowed: false },
  };
  for (const [name, { user, knowsKey, wantAllowed }] of Object.entries(rules)) {
    test(`${name} may ${wantAllowed ? "" : "not "}cancel, and is told`, async () => {
      const row = await ordered();
      const correlationId = knowsKey ? row.correlationId : crypto.randomUUID();
      await client.cancel({ orderId: row.id, correlationId, ...(user && { user }) });
      const answers = await client.answers(correlationId, knowsKey ? 2 : 1);
      const want = wantAllowed
        ? { status: "GRANTED", message: `Order ${row.id} is being cancelled` }
        : { status: "DENIED", errorType: "FORBIDDEN", errorCode: "FORBIDDEN" };
      expect(answers.at(-1)).toMatchObject({ correlationId, orderId: row.id, request: "CANCEL", ...want });
      expect(await wish(row.resourceName)).toBe(wantAllowed ? "Delete" : undefined);
    });
  }

  const wrong: Record<string, { body: Record<string, unknown>; wantMessage: string }> = {
    "an unknown order": {
      body: { orderId: 999_999 },
      wantMessage: "[INVALID_CONTENT] Unknown order at orderId: rejected value [999999].",
    },
    "no order": { body: {}, wantMessage: "at orderId: rejected value [null]." },
    "an order by a word": { body: { orderId: "one" }, wantMessage: 'at orderId: rejected value ["one"].' },
  };
  for (const [name, { body, wantMessage }] of Object.entries(wrong)) {
    test(`a cancel of ${name} is answered`, async () => {
      const correlationId = crypto.randomUUID();
      await client.cancel({ correlationId, ...body });
      const [answer] = await client.answers(correlationId);
      expect(answer).toMatchObject({ status: "DENIED", errorType: "INVALID_CONTENT", errors: 1 });
      expect(answer?.message).toContain(wantMessage);
    });
  }

  test("an order that is deleted already is answered as such, each time", async () => {
    const row = await ordered();
    await recordProgress(world.db, row.id, { model: { ...row, status: "DELETED" }, messages: [], now: new Date() });
    for (const count of [1, 2]) {
      await client.cancel({ orderId: row.id, correlationId: row.correlationId });
      const answers = await client.answers(row.correlationId, 1 + count);
      expect(answers.at(-1)).toMatchObject({ status: "GRANTED", message: `Order ${row.id} is deleted already` });
    }
  });

  test("the answer comes to the reply queue that the cancel names", async () => {
    const row = await ordered();
    const { queue } = await client.channel.assertQueue("", { exclusive: true });
    const correlationId = crypto.randomUUID();
    await client.cancel({ orderId: row.id, correlationId, user: ADA }, { replyTo: queue });
    await client.answers(correlationId);
    const own = await client.channel.get(queue, { noAck: true });
    expect(own && JSON.parse(own.content.toString())).toMatchObject({ correlationId, status: "GRANTED" });
  });
});
