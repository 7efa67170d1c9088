/** The outbox on the real PostgreSQL: order within an order, claims that run out, rivals. */
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { NOW, newOrder, storedOrder, type TestStore, testStore } from "#test/support/store.ts";
import {
  addReplyQueue,
  claimMessages,
  markDelivered,
  outboxState,
  postponeMessages,
  type QueuedMessage,
  queueMessages,
} from "./outbox.ts";

let store: TestStore;

beforeAll(async () => {
  store = await testStore("outbox");
});
afterAll(() => store.drop());
beforeEach(async () => {
  await store.db`TRUNCATE outbox, orders, reply_queues CASCADE`;
});

function message(dedupKey: string, changes: Partial<QueuedMessage> = {}): QueuedMessage {
  return { dedupKey, kind: "GRANTED", payload: { correlationId: dedupKey }, ...changes };
}

const queue = (...messages: QueuedMessage[]) => queueMessages(store.db, messages, { now: NOW });
const claim = (leaseSeconds = 60, limit = 100) => claimMessages(store.db, { limit, leaseSeconds });
const keys = (messages: readonly { dedupKey: string }[]) => messages.map(({ dedupKey }) => dedupKey);

/** Lets every claim and pause run out. */
async function later(): Promise<void> {
  await store.db`UPDATE outbox SET next_attempt_at = clock_timestamp() - interval '1 second' WHERE next_attempt_at IS NOT NULL`;
}

test("queueMessages() queues a key of an order once, an answer without order each time", async () => {
  await queue(
    message("granted", { orderId: 1 }),
    message("granted", { orderId: 1 }),
    message("granted", { orderId: 2 }),
  );
  await queue(message("granted", { orderId: 1 }), message("refused"), message("refused"));
  expect((await claim()).map(({ orderId, dedupKey }) => [orderId, dedupKey])).toEqual([
    [1, "granted"],
    [2, "granted"],
    [undefined, "refused"],
    [undefined, "refused"],
  ]);
});

test("claimMessages() gives a claimed message to nobody else until the lease is over, and counts the claims", async () => {
  await queue(message("a"));
  expect((await claim()).map(({ attempts }) => attempts)).toEqual([1]);
  expect(await claim()).toEqual([]);
  await later();
  expect((await claim()).map(({ attempts }) => attempts)).toEqual([2]);
});

test("claimMessages() holds back what follows a claimed or postponed message of the same order, and nothing else", async () => {
  await queue(message("first", { orderId: 1 }));
  const [first] = await claim();
  await queue(message("second", { orderId: 1 }), message("other", { orderId: 2 }));
  expect(keys(await claim())).toEqual(["other"]);
  await postponeMessages(store.db, [{ id: first?.id ?? 0, attempts: 1, seconds: 60, error: "no" }]);
  expect(keys(await claim())).toEqual([]);
  await markDelivered(store.db, [{ id: first?.id ?? 0 }], { now: NOW });
  expect(keys(await claim())).toEqual(["second"]);
});

test("postponeMessages() leaves alone what another sender has claimed since", async () => {
  await queue(message("a"));
  const [mine] = await claim();
  await later();
  await claim();
  await postponeMessages(store.db, [{ id: mine?.id ?? 0, attempts: mine?.attempts ?? 0, seconds: 0, error: "late" }]);
  expect(await claim()).toEqual([]);
  expect((await outboxState(store.db)).failing).toBe(0);
});

test("claimMessages() gives rivals disjoint messages, never a later one of an order that another sends", async () => {
  for (let round = 0; round < 20; round++) {
    await queue(...[1, 2, 3, 4].map((orderId) => message(`r${round}`, { orderId })));
    const taken = await Promise.all([claim(60, 3), claim(60, 3), claim(60, 3)]);
    const ids = taken.flat().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const byOrder = Map.groupBy(
      taken.flatMap((messages, sender) => messages.map((m) => ({ ...m, sender }))),
      (m) => m.orderId,
    );
    for (const messages of byOrder.values()) expect(new Set(messages.map((m) => m.sender)).size).toBe(1);
    await markDelivered(store.db, taken.flat().slice(0, 3), { now: NOW });
    await later();
  }
});

test("outboxState() tells what waits, since when and why", async () => {
  expect(await outboxState(store.db)).toEqual({ waiting: 0, failing: 0 });
  await queue(message("a"), message("b"));
  const [a] = await claim();
  await postponeMessages(store.db, [{ id: a?.id ?? 0, attempts: 1, seconds: 9, error: "no queue is bound" }]);
  expect(await outboxState(store.db)).toEqual({ waiting: 2, failing: 1, oldest: NOW, lastError: "no queue is bound" });
});

test("a queue named with the order is told of everything, and no other order's", async () => {
  const row = await storedOrder(store.db, newOrder({ correlationId: "c", channel: "amqp", replyTo: "mine" }));
  await storedOrder(store.db, newOrder({ correlationId: "d", channel: "amqp" }));
  await queue(message("final:0", { orderId: row.id }), message("refused", { replyTo: "theirs" }));
  const due = await claim();
  expect(due.map(({ dedupKey, replyQueues, channel }) => [dedupKey, replyQueues, channel])).toEqual([
    ["granted", ["mine"], "amqp"],
    ["granted", [], "amqp"],
    ["final:0", ["mine"], "amqp"],
    ["refused", ["theirs"], undefined],
  ]);
});

test("addReplyQueue() has a late queue told once of what it missed, by copies, and then of what comes", async () => {
  const reply = { owner: "ada@example.org", correlationId: "c", queue: "late" };
  const row = await storedOrder(store.db, newOrder({ correlationId: "c", channel: "amqp", replyTo: "first" }));
  await queue(message("suborder:1:1", { orderId: row.id }));
  await markDelivered(store.db, (await claim(60, 1)).slice(0, 1), { now: NOW });
  await addReplyQueue(store.db, reply, { now: NOW });
  await addReplyQueue(store.db, reply, { now: NOW });
  await queue(message("final:0", { orderId: row.id }));
  const due = await claim();
  expect(due.map(({ kind, copyOf, dedupKey, replyQueues }) => [kind, copyOf ?? dedupKey, replyQueues])).toEqual([
    ["GRANTED", "suborder:1:1", ["first"]],
    ["GRANTED", "granted", ["late"]],
    ["GRANTED", "suborder:1:1", ["late"]],
    ["GRANTED", "final:0", ["first", "late"]],
  ]);
});
