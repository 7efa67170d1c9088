/** Order requests over a real RabbitMQ: rules and texts of rs-order.md §4.3 and §4.6, answers as §4.2 and §4.5 want them. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { deadLetterQueue, EXCHANGE, HEADER, queueNames } from "#api/amqp/names.ts";
import type { OnAccepted } from "#api/orders/accept.ts";
import { notice, type OutboxMessage, recordProgress } from "#store/orders.ts";
import { outboxState } from "#store/outbox.ts";
import { resetSetting, writeSetting } from "#store/settings.ts";
import {
  ADA,
  type AmqpWorld,
  type Answer,
  amqpWorld,
  type Client,
  IDLE,
  orderRequest,
  TENANT,
} from "../support/amqp-world.ts";
import { eventually } from "../support/eventually.ts";

const world = (await amqpWorld("amqp_requests")) as AmqpWorld;

describe.skipIf(!world)("requests over AMQP", () => {
  let client: Client;
  let listener: Awaited<ReturnType<AmqpWorld["listen"]>>;
  const queues = queueNames(TENANT);
  const accepted: Parameters<OnAccepted>[0][] = [];

  beforeAll(async () => {
    listener = await world.listen({ onAccepted: (each) => void accepted.push(each) });
    client = await world.client();
    await world.process("narrow", { parameters: { properties: { width: { type: "integer" } } } });
    await world.process("single", { limits: { products: 1, forbidSplit: true } });
    await world.process("secret", { role: "ADMIN" });
  });
  afterAll(() => world.close());

  async function waiting(queue: string): Promise<number> {
    return (await client.channel.checkQueue(queue)).messageCount;
  }

  test("create_order_success, send_orderRequests_success: a good request is GRANTED with its order's number, and the order is there with its resource", async () => {
    const request = orderRequest();
    await client.send(request);
    const [answer] = await client.answers(request.correlationId);
    const row = await world.order(request.correlationId);
    expect(row?.id).toBeGreaterThan(0);
    expect(answer).toEqual({ correlationId: request.correlationId, status: "GRANTED", orderId: row?.id ?? 0 });
    expect(row).toMatchObject({ owner: ADA, channel: "amqp", role: "REGISTERED_USER" });
    const resource = await eventually("its resource is there", () => world.orders.get(row?.resourceName ?? ""));
    expect(resource?.spec.selections).toEqual([{ query: "platform:sentinel" }]);
  });

  test("the trace that a message names is told with the order; a header of another kind is none", async () => {
    const traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (const [header, want] of [
      [traceparent, traceparent],
      [7, undefined],
    ]) {
      const request = orderRequest();
      await client.send(request, { headers: { [HEADER.tenant]: TENANT, traceparent: header } });
      const [answer] = await client.answers(request.correlationId);
      const told = accepted.find(({ orderId }) => orderId === answer?.orderId);
      expect([told?.channel, told?.traceparent]).toEqual(["amqp", want as string | undefined]);
    }
  });

  test("notices that the tenant has not asked for leave the outbox unsent", async () => {
    const request = orderRequest();
    await client.send(request);
    await client.answers(request.correlationId);
    const row = await world.order(request.correlationId);
    if (!row) throw new Error("The order is not there");
    const done = { dedupKey: "final:0", kind: "DONE", payload: { correlationId: row.correlationId, status: "DONE" } };
    const told = [notice(row, "PAUSED", 2), done as OutboxMessage, notice(row, "EXPIRED")];
    await recordProgress(world.db, row.id, { model: row, messages: told, now: new Date() });
    await eventually("nothing is left to tell", async () => (await outboxState(world.db)).waiting === 0);
    const answers = await client.answers(request.correlationId, 2);
    expect(answers.map(({ status }) => status)).toEqual(["GRANTED", "DONE"]);
  });

  test("notices that the tenant has asked for are told, in their place among the answers", async () => {
    await writeSetting(world.db, "amqp_notices", ["PAUSED", "EXPIRED"]);
    const request = orderRequest();
    await client.send(request);
    await client.answers(request.correlationId);
    const row = await world.order(request.correlationId);
    if (!row) throw new Error("The order is not there");
    const done = { dedupKey: "final:0", kind: "DONE", payload: { correlationId: row.correlationId, status: "DONE" } };
    const told = [notice(row, "PAUSED", 2), notice(row, "RESUMED", 3), done as OutboxMessage, notice(row, "EXPIRED")];
    await recordProgress(world.db, row.id, { model: row, messages: told, now: new Date() });
    const answers = await client.answers(request.correlationId, 4);
    expect(answers.map(({ status }) => status)).toEqual(["GRANTED", "PAUSED", "DONE", "EXPIRED"]);
    expect(answers[1]).toMatchObject({ orderId: row.id, message: `Order of user ${ADA} is paused` });
    await resetSetting(world.db, "amqp_notices");
  });

  test("an answer carries the contract's properties and headers", async () => {
    const request = orderRequest();
    const before = Math.floor(Date.now() / 1000);
    await client.send(request);
    await client.answers(request.correlationId);
    const raw = client.heard.find(({ answer }) => answer.correlationId === request.correlationId)?.raw;
    const { properties, fields } = raw ?? {};
    expect(fields).toMatchObject({ exchange: EXCHANGE.response, routingKey: "" });
    expect(properties?.headers).toEqual({
      "regards.tenant": TENANT,
      "regards.type": "fr.cnes.regards.modules.order.amqp.output.OrderResponseDtoEvent",
      "regards.converter": "GSON",
    });
    const row = await world.order(request.correlationId);
    expect(properties).toMatchObject({
      appId: "REGARDS",
      correlationId: request.correlationId,
      priority: 1,
      deliveryMode: 2,
      contentType: "application/json",
      contentEncoding: "UTF-8",
      messageId: `${TENANT}:${row?.id}:granted`,
    });
    expect(properties?.timestamp).toBeGreaterThanOrEqual(before);
    expect(properties?.timestamp).toBeLessThanOrEqual(Math.ceil(Date.now() / 1000));
  });

  const denied: Record<string, { readonly request: Record<string, unknown>; readonly want: Partial<Answer> }> = {
    "without user (create_order_no_user)": {
      request: { user: undefined },
      want: {
        status: "DENIED",
        errorType: "INVALID_CONTENT",
        errors: 1,
        message: "[INVALID_CONTENT] User should be present at user: rejected value [null].",
      },
    },
    "of a user that nobody knows (create_order_invalid_user)": {
      request: { user: "nobody@example.org" },
      want: {
        status: "DENIED",
        errorType: "FORBIDDEN",
        message: "[FORBIDDEN] Unknown user : nobody@example.org at user: rejected value [null].",
      },
    },
    "of a user who is not active": {
      request: { user: IDLE },
      want: { status: "DENIED", errorType: "FORBIDDEN" },
    },
    "without queries (create_order_invalid_requests, send_orderRequests_fail)": {
      request: { queries: [] },
      want: {
        status: "DENIED",
        errorType: "INVALID_CONTENT",
        errors: 1,
        message: "[INVALID_CONTENT] list of queries should not be empty at queries: rejected value [[]].",
      },
    },
    "with filters of no data type": {
      request: { filters: { dataTypes: [] } },
      want: {
        status: "DENIED",
        errorType: "INVALID_CONTENT",
        message:
          "[INVALID_CONTENT] There should be at least one datatype to order. DataType can be RAWDATA or QUICKLOOK at filters.dataTypes: rejected value [[]].",
      },
    },
    "with a regular expression that cannot be (P4)": {
      request: { filters: { dataTypes: ["RAWDATA"], filenameRegExp: "(" } },
      want: { status: "DENIED", errorType: "INVALID_CONTENT" },
    },
    "with a text that cannot be stored": {
      request: { user: "ada\0@example.org" },
      want: {
        status: "DENIED",
        errorType: "INVALID_CONTENT",
        message: "[INVALID_CONTENT] expected Unicode text without the character U+0000 at user: rejected value [null].",
      },
    },
    "over its size limit (create_order_invalid_size)": {
      request: { sizeLimitInBytes: 2999 },
      want: {
        status: "DENIED",
        errorType: "ORDER_LIMIT_REACHED",
        message:
          "ExceededBasketSizeException: The size of the basket [3000 bytes] exceeds the maximum size allowed [2999 bytes]. Please review the order requested so that it does not exceed the maximum size configured.",
      },
    },
    "of more than a process takes at once": {
      request: { queries: undefined, selections: [{ query: "platform:sentinel", process: { name: "single" } }] },
      want: {
        status: "DENIED",
        errorType: "ORDER_LIMIT_REACHED",
        message:
          'TooManyItemsSelectedInBasketException: The number of selected "FEATURES" in the basket [2] exceeds the maximum number of "FEATURES" allowed [1]. Please, decrease the number of selected items or contact the administrator for more information.',
      },
    },
    "with a process that is not there": {
      request: { selections: [{ query: "platform:sentinel", process: { name: "none" } }] },
      want: {
        status: "DENIED",
        errorType: "INVALID_CONTENT",
        errors: 1,
        message:
          "[INVALID_CONTENT] Process 'none' does not exist at selections[0].process.name: rejected value [none].",
      },
    },
    "with a parameter that the process does not take": {
      request: {
        selections: [{ query: "platform:sentinel", process: { name: "narrow", parameters: { width: "w" } } }],
      },
      want: {
        status: "DENIED",
        errorType: "INVALID_CONTENT",
        errors: 1,
        message:
          "[INVALID_CONTENT] expected a whole number at selections[0].process.parameters.width: rejected value [w].",
      },
    },
    "with a process for higher roles": {
      request: { selections: [{ query: "platform:sentinel", process: { name: "secret" } }] },
      want: {
        status: "DENIED",
        errorType: "FORBIDDEN",
        message:
          "[FORBIDDEN] Process 'secret' may not be used as REGISTERED_USER: expected at least ADMIN at selections[0].process.name: rejected value [secret].",
      },
    },
    "that finds nothing": {
      request: { queries: ["platform:landsat"] },
      want: {
        status: "FAILED",
        errorType: "EMPTY_ORDER",
        message: "EmptySelectionException: This selection contains no file that can be ordered",
      },
    },
    "with a query that cannot be read": {
      request: { queries: ["platform:["] },
      want: {
        status: "FAILED",
        errorType: "INTERNAL_ERROR",
        message:
          "CatalogSearchException: Error applying search queries. Please correct your requests. Maybe your queries contains unknown attributes",
      },
    },
  };
  for (const [name, { request, want }] of Object.entries(denied)) {
    test(`a request ${name} is refused in the contract's words, and makes no order`, async () => {
      const body = orderRequest(request);
      await client.send(body);
      const [answer] = await client.answers(body.correlationId);
      expect(answer).toMatchObject({ correlationId: body.correlationId, ...want });
      expect(answer?.errorCode).toBe(answer?.errorType);
      expect(answer).not.toHaveProperty("orderId");
      expect(await world.order(body.correlationId)).toBeUndefined();
    });
  }

  test("a size limit that is just met, sent in digits, is GRANTED (D20)", async () => {
    const request = orderRequest({ sizeLimitInBytes: "3000" });
    await client.send(request);
    expect((await client.answers(request.correlationId))[0]?.status).toBe("GRANTED");
  });

  test("a correlation id of 255 characters is kept whole (P11)", async () => {
    const request = orderRequest({ correlationId: `é${"x".repeat(254)}` });
    await client.send(request);
    const [answer] = await client.answers(request.correlationId);
    expect(answer?.status).toBe("GRANTED");
    expect((await world.order(request.correlationId))?.correlationId).toBe(request.correlationId);
  });

  test("a correlation id of 256 characters is refused under its own name", async () => {
    const request = orderRequest({ correlationId: "y".repeat(256) });
    await client.send(request);
    const [answer] = await client.answers(request.correlationId);
    expect(answer).toMatchObject({ status: "DENIED", errorType: "INVALID_CONTENT" });
    expect(answer?.message).toContain("provided correlationId must not exceed 255 characters.");
  });

  test("the same message ten times at once to two listeners makes one order and one GRANTED (P9)", async () => {
    const second = await world.listen();
    const request = orderRequest();
    const marker = orderRequest();
    const before = await world.orderCount();
    await Promise.all(Array.from({ length: 10 }, () => client.send(request)));
    await client.send(marker);
    await client.answers(marker.correlationId);
    await eventually("all are acknowledged", async () => (await waiting(queues.request)) === 0);
    await second.stop();
    expect(await world.orderCount()).toBe(before + 2);
    expect(await client.answers(request.correlationId)).toHaveLength(1);
  });

  test("another request under a correlation id that is taken is DENIED, and the first order stays", async () => {
    const request = orderRequest();
    await client.send(request);
    await client.answers(request.correlationId);
    await client.send({ ...request, queries: ["platform:sentinel AND platform:sentinel"] });
    const [, second] = await client.answers(request.correlationId, 2);
    expect(second).toMatchObject({ status: "DENIED", errorType: "INVALID_CONTENT" });
    expect((await world.order(request.correlationId))?.spec.selections).toHaveLength(1);
  });

  test("a refused request is answered each time it comes, and granted once its user exists", async () => {
    const request = orderRequest({ user: "later@example.org" });
    await client.send(request);
    await client.answers(request.correlationId, 1);
    await client.send(request);
    await client.answers(request.correlationId, 2);
    await world.db`INSERT INTO users (email, role, groups, active) VALUES ('later@example.org', 'EXPLOIT', '{}', true)`;
    await client.send(request);
    const answers = await client.answers(request.correlationId, 3);
    expect(answers.map(({ status }) => status)).toEqual(["DENIED", "DENIED", "GRANTED"]);
  });

  test("a message of another tenant is acknowledged and left alone", async () => {
    const request = orderRequest();
    const { foreign } = listener.amqp.health().handled;
    await client.send(request, { headers: { [HEADER.tenant]: "another" } });
    await eventually("it is seen", () => listener.amqp.health().handled.foreign > foreign);
    await eventually("it is acknowledged", async () => (await waiting(queues.request)) === 0);
    expect(await world.order(request.correlationId)).toBeUndefined();
    expect(await waiting(deadLetterQueue(queues.request))).toBe(0);
  });

  test("a client that names a reply queue is answered there too, and nobody else's answers come there (P23)", async () => {
    const { queue } = await client.channel.assertQueue("", { exclusive: true });
    const request = orderRequest();
    const wrong = orderRequest({ user: undefined });
    await client.send(request, { replyTo: queue });
    await client.send(wrong, { replyTo: queue });
    await client.send(orderRequest());
    await client.answers(request.correlationId);
    await eventually("both are answered", async () => (await waiting(queue)) === 2);
    const own = [await client.channel.get(queue), await client.channel.get(queue)];
    const statuses = own.map((message) => message && JSON.parse(message.content.toString()).status);
    expect(statuses.sort()).toEqual(["DENIED", "GRANTED"]);
  });

  test("a repeat that names a reply queue when the order is done gets all answers so far, in order, and only there", async () => {
    const request = orderRequest();
    await client.send(request);
    await client.answers(request.correlationId);
    const row = await world.order(request.correlationId);
    if (!row) throw new Error("The order is not there");
    const payload = { correlationId: row.correlationId, status: "DONE", orderId: row.id };
    const done: OutboxMessage = { dedupKey: "final:0", kind: "DONE", payload };
    await recordProgress(world.db, row.id, { model: row, messages: [done], now: new Date() });
    await client.answers(request.correlationId, 2);
    const { queue } = await client.channel.assertQueue("", { exclusive: true });
    await client.send(request, { replyTo: queue });
    await client.send(request, { replyTo: queue });
    await eventually("both answers are there", async () => (await waiting(queue)) >= 2);
    const own = [await client.channel.get(queue), await client.channel.get(queue), await client.channel.get(queue)];
    const told = own.map((m) => m && [JSON.parse(m.content.toString()).status, m.properties.messageId]);
    expect(told).toEqual([["GRANTED", `${TENANT}:${row.id}:granted`], ["DONE", `${TENANT}:${row.id}:final:0`], false]);
    expect(await client.answers(request.correlationId)).toHaveLength(2);
  });

  test("who asks for something else under the key of an order gets none of its answers", async () => {
    const request = orderRequest();
    await client.send(request);
    await client.answers(request.correlationId);
    const { queue } = await client.channel.assertQueue("", { exclusive: true });
    await client.send({ ...request, queries: ["platform:other OR platform:sentinel"] }, { replyTo: queue });
    await eventually("it is refused there", async () => (await waiting(queue)) === 1);
    const refusal = await client.channel.get(queue);
    expect(refusal && JSON.parse(refusal.content.toString())).toMatchObject({ status: "DENIED" });
    const row = await world.order(request.correlationId);
    expect(await world.db`SELECT FROM reply_queues WHERE queue = ${queue}`).toHaveLength(0);
    expect(row).toBeDefined();
  });

  test("a queue of the platform is refused as a reply queue", async () => {
    const request = orderRequest();
    await client.send(request, { replyTo: queues.request });
    const [answer] = await client.answers(request.correlationId);
    expect(answer).toMatchObject({ status: "DENIED", errorType: "INVALID_CONTENT" });
    expect(answer?.message).toContain("at reply_to: rejected value");
  });
});
