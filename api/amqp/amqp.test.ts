/** The pure parts of the AMQP side. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { DueMessage } from "#store/outbox.ts";
import { batcher } from "./batcher.ts";
import { briefCatalogue } from "./brief-catalogue.ts";
import { judge, rounds } from "./delivery-plan.ts";
import { faultOf } from "./fault.ts";
import { limiter } from "./limiter.ts";
import { brokerUrl } from "./topology.ts";

function due(changes: Partial<DueMessage> = {}): DueMessage {
  return { id: 1, dedupKey: "granted", kind: "GRANTED", payload: {}, attempts: 1, replyQueues: [], ...changes };
}

test("rounds() keeps every message once and the messages of an order in their order", () => {
  const message = fc.record({ orderId: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }) });
  fc.assert(
    fc.property(fc.array(message), (given) => {
      const messages = given.map(({ orderId }, id) => due({ id, ...(orderId !== undefined && { orderId }) }));
      const planned = rounds(messages);
      expect(
        planned
          .flat()
          .map(({ id }) => id)
          .sort((a, b) => a - b),
      ).toEqual(messages.map(({ id }) => id));
      for (const orderId of [1, 2, 3, 4]) {
        const ids = planned
          .flat()
          .filter((m) => m.orderId === orderId)
          .map(({ id }) => id);
        expect(ids).toEqual([...ids].sort((a, b) => a - b));
        for (const round of planned) expect(round.filter((m) => m.orderId === orderId).length).toBeLessThanOrEqual(1);
      }
    }),
  );
});

test("judge() keeps an answer that nobody can get, longer each time, and lets go what nobody asked for over AMQP", () => {
  const half = () => 0;
  expect(judge(due(), ["routed"], half)).toEqual({ kind: "delivered", id: 1 });
  expect(judge(due({ channel: "amqp" }), ["unroutable"], half)).toMatchObject({ kind: "postponed" });
  expect(judge(due({ channel: "rest" }), ["unroutable"], half)).toMatchObject({ kind: "delivered" });
  expect(judge(due({ replyQueues: ["q"] }), ["unroutable", "routed"], half)).toMatchObject({ kind: "delivered" });
  expect(judge(due({ copyOf: "granted", replyQueues: ["q"] }), ["routed"], half)).toEqual({ kind: "delivered", id: 1 });
  expect(judge(due({ copyOf: "granted", replyQueues: ["q"] }), ["unroutable"], half)).toEqual({
    kind: "delivered",
    id: 1,
    note: "reply queue 'q' is gone",
  });
  expect(judge(due({ replyQueues: ["q"] }), ["routed", "unroutable"], half)).toEqual({
    kind: "delivered",
    id: 1,
    note: "reply queue 'q' is gone",
  });
  const pauses = [1, 2, 3, 20].map((attempts) => {
    const verdict = judge(due({ attempts }), ["unroutable"], () => 1);
    return verdict.kind === "postponed" && verdict.postponement.seconds;
  });
  expect(pauses).toEqual([1, 2, 4, 300]);
});

test("brokerUrl() names the contract's virtual host where none is named", () => {
  expect(brokerUrl("amqp://broker")).toBe("amqp://broker/regards.multitenant.manager");
  expect(brokerUrl("amqp://broker:5672/")).toBe("amqp://broker:5672/regards.multitenant.manager");
  expect(brokerUrl("amqps://u:p@broker/%2F")).toBe("amqps://u:p@broker/%2F");
  expect(() => brokerUrl("http://user:secret@broker")).toThrow("an amqp or amqps URL is needed, got 'broker'");
});

test("faultOf() tells what passes from what does not", () => {
  const coded = (code: string) => Object.assign(new Error(code), { code });
  for (const code of ["ECONNREFUSED", "CONNECTION_CLOSED", "CONNECT_TIMEOUT", "57P01", "40001", "53300", "42P01"]) {
    expect(faultOf(coded(code))).toBe("environment");
  }
  expect(faultOf(coded("22021"))).toBe("message");
  expect(faultOf(new TypeError("x is undefined"))).toBe("unknown");
});

test("batcher() gathers what comes while it works, gives each its own result, and does the others when one is refused", async () => {
  const done: number[][] = [];
  const doubled = batcher<number, number>(async (items) => {
    await Promise.resolve();
    if (items.includes(13)) throw new Error("thirteen");
    done.push([...items]);
    return items.map((item) => 2 * item);
  }, 3);
  const fates = await Promise.allSettled([1, 2, 13, 4, 5, 6].map((item) => doubled.add(item)));
  expect(fates.map((fate) => (fate.status === "fulfilled" ? fate.value : fate.reason.message))).toEqual([
    2,
    4,
    "thirteen",
    8,
    10,
    12,
  ]);
  expect(done).toEqual([[1], [2], [4], [5, 6]]);
});

test("limiter() runs so many at a time, all in the end, in order", async () => {
  const limit = limiter(2);
  let running = 0;
  let most = 0;
  const order: number[] = [];
  await Promise.allSettled(
    [1, 2, 3, 4, 5].map((n) =>
      limit(async () => {
        most = Math.max(most, ++running);
        order.push(n);
        await Promise.resolve();
        running--;
        if (n === 2) throw new Error("two");
      }),
    ),
  );
  expect([most, order]).toEqual([2, [1, 2, 3, 4, 5]]);
});

test("briefCatalogue() does not answer with references uncounted where they were asked for", async () => {
  const brief = briefCatalogue({
    summarize: async (_, { references }) => ({
      products: 1,
      files: 1,
      bytes: references ? 1 : 0,
      datasets: [],
    }),
    search: async () => ({ products: [] }),
    datasetFiles: async () => [],
    datasets: async () => [],
  });
  const options = { access: { email: "a", role: "EXPLOIT" as const, groups: [] }, before: new Date(0) };
  const bytes = async (references: boolean) => (await brief.summarize([{}], { ...options, references })).bytes;
  expect([await bytes(false), await bytes(true), await bytes(false)]).toEqual([0, 1, 0]);
});

test("briefCatalogue() asks a question once a second, another question at once, a failed one again", async () => {
  let asked = 0;
  let now = 0;
  const summary = { products: 1, files: 1, bytes: 1, datasets: [] };
  const real = {
    summarize: async () => {
      asked++;
      if (asked === 4) throw new Error("away");
      return summary;
    },
    datasetFiles: async () => [],
    datasets: async () => [],
    search: async () => ({ products: [] }),
  };
  const brief = briefCatalogue(real, () => now);
  const access = { email: "a", role: "EXPLOIT" as const, groups: [] };
  const ask = (query: string) => brief.summarize([{ query }], { access, before: new Date(now) });
  expect(await Promise.all([ask("a"), ask("a")])).toEqual([summary, summary]);
  expect(asked).toBe(1);
  await ask("b");
  expect(asked).toBe(2);
  now = 1_500;
  await ask("a");
  expect(asked).toBe(3);
  await ask("c").catch(() => {});
  expect(await ask("c")).toEqual(summary);
});
