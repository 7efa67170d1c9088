/** Webhooks against real receivers that misbehave, and senders that are killed. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { writeSetting } from "#store/settings.ts";
import { findWebhook } from "#store/webhooks.ts";
import { eventually, LIMIT } from "../support/eventually.ts";
import { type NotifyWorld, notifyWorld, WEBHOOK_SECRET } from "../support/notify-world.ts";
import { type Received, type Reply, type ScriptedServer, scriptedServer } from "../support/scripted-server.ts";

let world: NotifyWorld;
const servers: ScriptedServer[] = [];
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  world = await notifyWorld("webhooks");
});
afterAll(() => world.close(), LIMIT.slow);
beforeEach(async () => {
  await world.db`TRUNCATE outbox, orders, webhooks, notifications CASCADE`;
  world.clock.now = new Date();
});
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
  for (const server of servers.splice(0)) await server.stop();
});

async function receiver(script: (request: Received, reply: Reply) => void | Promise<void>): Promise<ScriptedServer> {
  const server = await scriptedServer(script);
  servers.push(server);
  return server;
}
const good = () => receiver((_request, reply) => reply.json(200, {}));
const start = () => stops.push(world.start());
const kinds = (requests: readonly Received[]) => requests.map((request) => request.json()["type"]);
const id = (request: Received | undefined) => String(request?.headers["webhook-id"]);

/** What the first message met with. */
const refusal = () => eventually("it was refused", async () => (await world.states())[0]?.lastError);

/** As the specification says, by hand. */
function isSigned({ headers, body }: Received): boolean {
  const content = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  const key = Buffer.from(WEBHOOK_SECRET.slice("whsec_".length), "base64");
  return headers["webhook-signature"] === `v1,${createHmac("sha256", key).update(content).digest("base64")}`;
}

describe("delivery", () => {
  test("a webhook is told of its owner's orders, signed, in their order, once", async () => {
    const server = await good();
    await world.webhook(server.url, ["GRANTED", "SUBORDER_DONE", "DONE"]);
    start();
    const row = await world.order();
    await world.tell(row, "SUBORDER_DONE");
    await world.tell(row, "DONE");
    await world.tell(await world.order({ owner: "bob@example.org" }), "DONE");
    await world.settled();
    expect(kinds(server.requests)).toEqual(["GRANTED", "SUBORDER_DONE", "DONE"]);
    expect(server.requests.every(isSigned)).toBe(true);
    expect(new Set(server.requests.map(id)).size).toBe(3);
    const [first] = server.requests;
    expect(first).toMatchObject({ method: "POST", path: "/" });
    expect(first?.headers["content-type"]).toBe("application/json");
    expect(first?.json()).toEqual({
      id: id(first),
      type: "GRANTED",
      timestamp: world.clock.now.toISOString(),
      tenant: "default",
      data: { orderId: row.id, correlationId: row.correlationId, status: "GRANTED" },
    });
  });

  test("several senders at once tell each message once", async () => {
    const server = await good();
    await world.webhook(server.url);
    for (let n = 0; n < 3; n++) start();
    for (let n = 0; n < 20; n++) {
      const row = await world.order();
      await world.tell(row, "SUBORDER_DONE");
      await world.tell(row, "DONE");
    }
    await world.settled();
    expect(server.requests).toHaveLength(40);
    const byOrder = Map.groupBy(server.requests, (request) => (request.json()["data"] as { orderId: number }).orderId);
    for (const requests of byOrder.values()) expect(kinds(requests)).toEqual(["SUBORDER_DONE", "DONE"]);
  });

  test("a message that is refused is sent again with the same id and body, and holds back its own order only", async () => {
    let failing = true;
    const row = await world.order();
    const server = await receiver((request, reply) => {
      const isIts = (request.json()["data"] as { orderId: number }).orderId === row.id;
      reply.json(failing && isIts ? 500 : 200, {});
    });
    await world.webhook(server.url);
    start();
    await world.tell(row, "SUBORDER_DONE");
    await eventually("it was refused", async () => (await world.states())[0]?.lastError);
    await world.tell(row, "DONE");
    await world.tell(await world.order(), "DONE");
    const told = async () => (await world.states()).map(({ state, answer }) => [state, answer]);
    await eventually("the other order is told", async () => (await told())[2]?.[0] === "delivered");
    expect(await told()).toEqual([
      ["waiting", 500],
      ["waiting", null],
      ["delivered", 200],
    ]);
    failing = false;
    await world.later();
    await world.settled();
    const its = server.requests.filter((request) => (request.json()["data"] as { orderId: number }).orderId === row.id);
    expect(kinds(its)).toEqual(["SUBORDER_DONE", "SUBORDER_DONE", "DONE"]);
    expect(id(its[1])).toBe(id(its[0]));
    expect(its[1]?.body).toBe(its[0]?.body);
    expect(its.every(isSigned)).toBe(true);
  });

  test("a receiver that hangs takes no other's place", async () => {
    const hanging = await receiver(() => {});
    const server = await good();
    await world.webhook(hanging.url);
    await world.webhook(server.url);
    start();
    for (let n = 0; n < 40; n++) await world.tell(await world.order(), "DONE");
    await eventually("the good one is told of all", () => server.requests.length === 40);
    expect(hanging.requests.length).toBeLessThanOrEqual(4);
  });
});

describe("receivers that cannot be reached", () => {
  test("503 with Retry-After has the webhook left alone for so long", async () => {
    const server = await receiver((_request, reply) => reply.json(503, {}, { "retry-after": "600" }));
    const hook = await world.webhook(server.url);
    start();
    await world.tell(await world.order(), "DONE");
    const row = await eventually("it rests", async () => {
      const found = await findWebhook(world.db, hook);
      return found?.retryAt && found;
    });
    expect(row.failures).toBe(1);
    expect(row.retryAt!.getTime() - Date.now()).toBeGreaterThan(590_000);
    await world.tell(await world.order(), "DONE");
    await eventually("the second is there", async () => (await world.states()).length === 2);
    expect(server.requests).toHaveLength(1);
  });

  test("a redirect is not followed, wherever it leads", async () => {
    const inner = await good();
    const server = await receiver((_request, reply) => reply.json(307, {}, { location: inner.url }));
    await world.webhook(server.url);
    start();
    await world.tell(await world.order(), "DONE");
    expect(await refusal()).toBe("The receiver answered 307: redirects are not followed");
    expect(inner.requests).toEqual([]);
  });

  test("an address that is not allowed (any more) is not asked", async () => {
    const server = await good();
    const hook = await world.webhook(server.url);
    await writeSetting(world.db, "allowed_webhook_networks", []);
    try {
      start();
      await world.tell(await world.order(), "DONE");
      expect(await refusal()).toContain("its address is private or reserved");
      expect((await findWebhook(world.db, hook))?.failures).toBe(1);
      expect(server.requests).toEqual([]);
    } finally {
      await writeSetting(world.db, "allowed_webhook_networks", ["127.0.0.0/8"]);
    }
  });

  test("a receiver that comes back is told everything, whatever was cut in the meantime", async () => {
    let away = true;
    const server = await receiver((_request, reply) => (away ? reply.drop() : reply.json(204, {})));
    const hook = await world.webhook(server.url);
    start();
    const row = await world.order();
    await world.tell(row, "SUBORDER_DONE");
    await world.tell(row, "DONE");
    await eventually("it was tried", async () => (await findWebhook(world.db, hook))?.failures);
    away = false;
    await world.later();
    await world.settled();
    expect((await world.states()).map(({ state, answer }) => [state, answer])).toEqual([
      ["delivered", 204],
      ["delivered", 204],
    ]);
    const healthy = await findWebhook(world.db, hook);
    expect(healthy?.failures).toBe(0);
    expect(healthy?.failingSince).toBeUndefined();
  });

  test("410 switches the webhook off with the reason", async () => {
    const server = await receiver((_request, reply) => reply.json(410, {}));
    const hook = await world.webhook(server.url);
    start();
    await world.tell(await world.order(), "DONE");
    await world.settled();
    expect(await findWebhook(world.db, hook)).toMatchObject({
      active: false,
      disabledReason: "The receiver answered 410 (Gone)",
    });
    await world.tell(await world.order(), "DONE");
    await world.settled();
    expect(server.requests).toHaveLength(1);
  });

  test("what fails for too long is given up, and the webhook is switched off", async () => {
    const server = await receiver((_request, reply) => reply.json(500, {}));
    const hook = await world.webhook(server.url);
    start();
    await world.tell(await world.order(), "DONE");
    const tried = (n: number) =>
      eventually(
        `try ${n}`,
        async () => ((await world.states())[0]?.attempts ?? 0) >= n && server.requests.length >= n,
      );
    await tried(1);
    await eventually("it is noted", async () => (await world.states())[0]?.lastError);
    world.clock.now = new Date(world.clock.now.getTime() + 73 * 3_600_000);
    await world.later();
    await world.settled();
    expect(await world.states()).toMatchObject([
      { state: "failed", answer: 500, lastError: "The receiver answered 500" },
    ]);
    expect((await findWebhook(world.db, hook))?.active).toBe(true);
    world.clock.now = new Date(world.clock.now.getTime() + 48 * 3_600_000);
    await world.tell(await world.order(), "DONE");
    await eventually("it is off", async () => (await findWebhook(world.db, hook))?.active === false);
    expect((await findWebhook(world.db, hook))?.disabledReason).toBe(
      "Failed for more than 120 h. The receiver answered 500",
    );
  });
});

test(
  "a sender that is killed between the receiver's answer and the mark has the message sent again with the same id",
  async () => {
    const open = Promise.withResolvers<void>();
    const server = await receiver(async (_request, reply) => {
      if (server.requests.length === 1) await open.promise;
      reply.json(200, {});
    });
    await world.webhook(server.url);
    const first = await world.spawn();
    await world.tell(await world.order(), "DONE");
    await eventually("it is on its way", () => server.requests.length === 1);
    await world.killBeforeMark(first, open.resolve);
    expect((await world.states()).map(({ state }) => state)).toEqual(["waiting"]);
    await world.spawn();
    await world.later();
    await world.settled();
    expect(server.requests).toHaveLength(2);
    expect(id(server.requests[1])).toBe(id(server.requests[0]));
    expect(server.requests[1]?.body).toBe(server.requests[0]?.body ?? "");
  },
  LIMIT.slow,
);

test(
  "senders that are killed again and again lose nothing, and never tell an order's end before what came before it",
  async () => {
    const server = await good();
    await world.webhook(server.url);
    const rows = await Promise.all(Array.from({ length: 40 }, () => world.order()));
    const senders = [await world.spawn(), await world.spawn()];
    const telling = (async () => {
      for (const kind of ["SUBORDER_DONE", "DONE"] as const) for (const row of rows) await world.tell(row, kind);
    })();
    for (const seen of [5, 20, 40]) {
      await eventually(`${seen} messages are told`, () => server.requests.length >= seen, LIMIT.slow);
      await senders.shift()?.kill();
      await world.later();
      senders.push(await world.spawn());
    }
    await telling;
    await world.later();
    await world.settled();
    const byId = new Map<string, Received>();
    for (const request of server.requests) if (!byId.has(id(request))) byId.set(id(request), request);
    expect(byId.size).toBe(80);
    const byOrder = Map.groupBy(
      [...byId.values()],
      (request) => (request.json()["data"] as { orderId: number }).orderId,
    );
    expect(byOrder.size).toBe(40);
    for (const requests of byOrder.values()) expect(kinds(requests)).toEqual(["SUBORDER_DONE", "DONE"]);
  },
  LIMIT.slow,
);
