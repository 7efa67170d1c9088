import { afterAll, describe, expect, test } from "bun:test";
import pino from "pino";
import { queueMessages } from "#store/outbox.ts";
import { eventually, LIMIT } from "#test/support/eventually.ts";
import { NOW, storedOrder, testStore } from "#test/support/store.ts";
import { type Publisher, Unconfirmed } from "./publisher.ts";
import { startSender } from "./sender.ts";

const { db, drop } = await testStore("amqp_sender");
afterAll(() => drop());

/** Publishing that breaks where `fails` says so, by the number of the call, as a link that is lost does. */
function publishing(fails: (call: number) => boolean) {
  const told: string[] = [];
  let calls = 0;
  const publisher: Publisher = {
    ready: async () => {},
    serve: async () => {},
    async publish(envelopes) {
      if (fails(++calls)) throw new Unconfirmed("The link broke before the broker confirmed");
      told.push(...envelopes.map(({ content }) => JSON.parse(content.toString()).message));
      return envelopes.map(() => "routed");
    },
  };
  return { publisher, told };
}

describe("startSender()", () => {
  const BREAKS: Record<string, (call: number) => boolean> = {
    "the first message of each order": (call) => call === 1,
    "a later message of each order": (call) => call === 2,
    "the last, again and again": (call) => call > 2 && call < 6,
  };
  for (const [name, fails] of Object.entries(BREAKS)) {
    test(`sends the rest at once, not when its claim has run out, where publishing breaks at ${name}`, async () => {
      const orders = await Promise.all(Array.from({ length: 3 }, () => storedOrder(db, { channel: "amqp" })));
      await db`UPDATE outbox SET delivered_at = ${NOW}`;
      const messages = [1, 2, 3].flatMap((n) =>
        orders.map(({ id: orderId }) => {
          const payload = { correlationId: `c-${orderId}`, status: "SUBORDER_DONE", message: `${orderId}: ${n}` };
          return { orderId, dedupKey: `suborder:${n}:1`, kind: "SUBORDER_DONE" as const, payload };
        }),
      );
      await queueMessages(db, messages, { now: NOW });
      const { publisher, told } = publishing(fails);
      const stop = new AbortController();
      const logger = pino({ level: "silent" });
      const shared = { db, publisher, tenant: "default", now: () => NOW, random: () => 0, logger };
      const sender = startSender({ ...shared, signal: stop.signal });
      // A claim lasts 30 s.
      await eventually("everything is told", () => told.length >= messages.length, LIMIT.normal);
      stop.abort();
      await sender.stopped;
      for (const { id } of orders) {
        expect(told.filter((text) => text.startsWith(`${id}:`))).toEqual([1, 2, 3].map((n) => `${id}: ${n}`));
      }
    });
  }
});
