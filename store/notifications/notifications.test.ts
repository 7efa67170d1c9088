/** Routing and claims of notifications on the real PostgreSQL: once each, in order within an order, whoever races. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { NOW, newOrder, orderSpec, storedOrder, type TestStore, testStore } from "#test/support/store.ts";
import type { MessageKind } from "../orders/message-kinds.ts";
import type { Channel } from "../orders/rows.ts";
import { queueMessages } from "../outbox.ts";
import { readSettings } from "../settings.ts";
import { upsertUser } from "../users.ts";
import {
  changeSecret,
  findWebhook,
  insertWebhook,
  pingWebhook,
  removeWebhook,
  replayToWebhook,
  updateWebhook,
  webhookFailed,
  webhookSucceeded,
} from "../webhooks.ts";
import { claimDeliveries, claimMails, endNotification, putOffNotification } from "./claim.ts";
import { forgetNotifications, listNotifications, retryMails } from "./read.ts";
import { hasUnrouted, routeMessages } from "./route.ts";

const ADA = "ada@example.org";
const BOB = "bob@example.org";
let store: TestStore;

beforeAll(async () => {
  store = await testStore("notifications");
});
afterAll(() => store.drop());
beforeEach(async () => {
  await store.db`TRUNCATE outbox, orders, webhooks, notifications CASCADE`;
});

let made = 0;
async function order(owner = ADA, channel: Channel = "rest"): Promise<number> {
  const label = `order ${++made}`;
  const { id } = await storedOrder(store.db, newOrder({ owner, label, channel, spec: orderSpec({ owner }) }));
  await store.db`UPDATE orders SET resolved_at = ${NOW}, expiration_time = ${NOW}, status = 'RUNNING' WHERE id = ${id}`;
  await store.db`DELETE FROM outbox WHERE order_id = ${id}`;
  return id;
}

async function tell(orderId: number, kind: MessageKind, o: { payload?: object; key?: string } = {}): Promise<void> {
  const payload = { orderId, ...o.payload };
  await queueMessages(store.db, [{ orderId, dedupKey: o.key ?? kind, kind, payload }], { now: NOW });
}

async function route(mail = true): Promise<number> {
  return await routeMessages(store.db, { mail, settings: await readSettings(store.db), now: NOW });
}

const KINDS: readonly MessageKind[] = ["GRANTED", "DONE", "PAUSED"];
async function webhook(owner?: string, kinds = KINDS): Promise<number> {
  const words = { url: "https://receiver.example.org/", kinds, secret: "whsec_AA==" };
  const row = await insertWebhook(store.db, { ...words, ...(owner && { owner }) }, { most: 9, now: NOW });
  return row?.id ?? 0;
}

const deliveries = (o: { limit?: number; each?: number; busy?: readonly number[] } = {}) =>
  claimDeliveries(store.db, { limit: 100, leaseSeconds: 60, each: 4, busy: [], ...o });
const mails = (limit = 100) => claimMails(store.db, { limit, leaseSeconds: 60 });
const rows = () => store.db<{ way: string; target: string; state: string }[]>`
  SELECT way, target, state FROM notifications ORDER BY id`;
const later = () => store.db`UPDATE notifications SET due_at = clock_timestamp() - interval '1 second'`;

describe("routeMessages()", () => {
  test("routeMessages() tells the owner's and the tenant's webhooks of the kinds they want, and the owner by mail", async () => {
    const mine = await webhook(ADA);
    await webhook(BOB);
    const tenants = await webhook(undefined, ["DONE"]);
    const id = await order();
    await tell(id, "PAUSED");
    await tell(id, "DONE");
    expect(await hasUnrouted(store.db)).toBe(true);
    expect(await route()).toBe(2);
    expect(await hasUnrouted(store.db)).toBe(false);
    expect(
      await store.db`SELECT way, target, kind FROM notifications n JOIN outbox m ON m.id = message_id ORDER BY kind, way, target`,
    ).toEqual([
      { way: "mail", target: ADA, kind: "DONE" },
      ...[mine, tenants].sort().map((target) => ({ way: "webhook", target: `${target}`, kind: "DONE" })),
      { way: "webhook", target: `${mine}`, kind: "PAUSED" },
    ] as never);
  });

  test("routeMessages() makes no mail without a mail server, for orders over AMQP, and of kinds that are switched off", async () => {
    await tell(await order(ADA, "amqp"), "DONE");
    expect(await route()).toBe(1);
    await tell(await order(), "DONE");
    expect(await route(false)).toBe(1);
    await tell(await order(), "DONE");
    const settings = { ...(await readSettings(store.db)), mail_kinds: ["failed" as const] };
    expect(await routeMessages(store.db, { mail: true, settings, now: NOW })).toBe(1);
    expect(await rows()).toEqual([] as never);
  });

  test("routeMessages() tells nobody who was made inactive, and the tenant's webhooks all the same", async () => {
    await webhook(BOB);
    const tenants = await webhook();
    await upsertUser(store.db, { email: BOB, role: "REGISTERED_USER", groups: [], active: false });
    await tell(await order(BOB), "DONE");
    await route();
    await upsertUser(store.db, { email: BOB, role: "REGISTERED_USER", groups: [], active: true });
    expect(await store.db`SELECT way, target FROM notifications`).toEqual([
      { way: "webhook", target: `${tenants}` },
    ] as never);
  });

  test("routeMessages() passes answers by that belong to no order", async () => {
    await webhook(undefined, ["DENIED"]);
    await queueMessages(store.db, [{ dedupKey: "refused", kind: "DENIED", payload: {} }], { now: NOW });
    expect(await route()).toBe(1);
    expect(await rows()).toEqual([] as never);
  });

  test("routeMessages() passes copies by that are for a reply queue alone", async () => {
    await webhook(ADA);
    const id = await order();
    await store.db`
      INSERT INTO outbox (order_id, dedup_key, kind, payload, created_at, copy_of, reply_to)
      VALUES (${id}, 'copy', 'DONE', '{}', ${NOW}, 'final:0', 'queue')`;
    expect(await route()).toBe(1);
    expect(await rows()).toEqual([] as never);
  });

  test("routeMessages() finds a message that became visible after ones with higher numbers", async () => {
    await webhook(ADA);
    const [first, second] = [await order(), await order()];
    const held = Promise.withResolvers<void>();
    const inserted = Promise.withResolvers<void>();
    const slow = store.db.begin(async (sql) => {
      await sql`INSERT INTO outbox (order_id, dedup_key, kind, payload, created_at) VALUES (${first}, 'late', 'DONE', '{}', ${NOW})`;
      inserted.resolve();
      await held.promise;
    });
    await inserted.promise;
    await tell(second, "DONE");
    expect(await route(false)).toBe(1);
    held.resolve();
    await slow;
    expect(await route(false)).toBe(1);
    expect((await deliveries()).map(({ orderId }) => orderId)).toEqual([first, second]);
  });

  test("routeMessages() run by rivals routes each message once", async () => {
    await webhook(ADA);
    for (let n = 0; n < 30; n++) await tell(await order(), "DONE");
    const routed = await Promise.all([route(), route(), route()]);
    expect(routed.reduce((sum, n) => sum + n, 0)).toBe(30);
    expect(await rows()).toHaveLength(60);
  });

  test("routeMessages() makes one mail of a reminder that is told to several orders", async () => {
    const ids = [await order(), await order()];
    for (const id of ids) await tell(id, "REMINDER", { payload: { orders: ids } });
    await route();
    expect(await store.db`SELECT order_id FROM notifications`).toEqual([{ orderId: ids[0] }] as never);
  });
});

describe("claims", () => {
  test("claimDeliveries() holds back what follows in an order until the one before has ended", async () => {
    await webhook(ADA);
    const id = await order();
    await tell(id, "GRANTED");
    await tell(id, "DONE");
    await route(false);
    const [first, ...others] = await deliveries();
    expect(others).toEqual([]);
    expect(first?.kind).toBe("GRANTED");
    expect(await deliveries()).toEqual([]);
    await putOffNotification(store.db, first!, { seconds: 60, error: "no" });
    expect(await deliveries()).toEqual([]);
    await endNotification(store.db, first!.id, { state: "delivered", now: NOW });
    expect((await deliveries()).map(({ kind }) => kind)).toEqual(["DONE"]);
  });

  test("claimDeliveries() gives rivals disjoint deliveries, a few of each webhook", async () => {
    const hooks = [await webhook(ADA), await webhook(ADA)];
    for (let n = 0; n < 10; n++) await tell(await order(), "DONE");
    await route(false);
    const taken = await Promise.all([deliveries({ each: 3 }), deliveries({ each: 3 })]);
    const ids = taken.flat().map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const claim of taken) {
      for (const hook of hooks) expect(claim.filter((d) => d.webhookId === hook).length).toBeLessThanOrEqual(3);
    }
  });

  test("claimDeliveries() passes over webhooks that are off, at rest or busy, and tries a failing one with a single message", async () => {
    const hook = await webhook(ADA);
    for (let n = 0; n < 3; n++) await tell(await order(), "DONE");
    await route(false);
    expect(await deliveries({ busy: [hook] })).toEqual([]);
    const disable = { afterSeconds: 3600, reason: "failed" };
    expect(await webhookFailed(store.db, hook, { restSeconds: 60, disable, now: NOW })).toBe(false);
    expect(await deliveries()).toEqual([]);
    await store.db`UPDATE webhooks SET retry_at = clock_timestamp() - interval '1 second'`;
    expect(await deliveries()).toHaveLength(1);
    await later();
    await webhookSucceeded(store.db, hook);
    expect(await deliveries()).toHaveLength(3);
    await later();
    await updateWebhook(store.db, hook, { url: "https://other.example.org/", kinds: KINDS, active: false });
    expect(await deliveries()).toEqual([]);
  });

  test("putOffNotification() leaves alone what another has claimed since", async () => {
    await webhook(ADA);
    await tell(await order(), "DONE");
    await route(false);
    const [mine] = await deliveries();
    await later();
    const [theirs] = await deliveries();
    expect(theirs?.attempts).toBe(2);
    await putOffNotification(store.db, mine!, { seconds: -60, error: "late" });
    expect(await deliveries()).toEqual([]);
  });

  test("claimMails() keeps a confirmation until it is known what was ordered", async () => {
    const id = await order();
    await store.db`UPDATE orders SET resolved_at = NULL, expiration_time = NULL WHERE id = ${id}`;
    await tell(id, "GRANTED");
    await route();
    expect(await mails()).toEqual([]);
    await store.db`UPDATE orders SET resolved_at = ${NOW}, expiration_time = ${NOW} WHERE id = ${id}`;
    expect(await mails()).toMatchObject([{ target: ADA, kind: "GRANTED", orderId: id, attempts: 1, toldAt: NOW }]);
    expect(await mails()).toEqual([]);
  });
});

describe("webhooks", () => {
  test("insertWebhook() makes no more than the owner may have", async () => {
    const one = () =>
      insertWebhook(
        store.db,
        { owner: ADA, url: "https://a.example/", kinds: KINDS, secret: "s" },
        { most: 2, now: NOW },
      );
    const several = await Promise.all([one(), one(), one(), one()]);
    expect(several.filter(Boolean)).toHaveLength(2);
  });

  test("webhookFailed() switches off what has failed for so long, with the reason", async () => {
    const hook = await webhook(ADA);
    const disable = { afterSeconds: 3600, reason: "Failed for more than 1 h" };
    expect(await webhookFailed(store.db, hook, { disable, now: NOW })).toBe(false);
    expect(await webhookFailed(store.db, hook, { disable, now: new Date(NOW.getTime() + 3_600_000) })).toBe(true);
    expect(await findWebhook(store.db, hook)).toMatchObject({
      active: false,
      disabledReason: disable.reason,
      failingSince: NOW,
    });
  });

  test("changeSecret() has both secrets sign for a time", async () => {
    const hook = await webhook(ADA);
    await changeSecret(store.db, hook, { secret: "whsec_BB==", previousSeconds: 60 });
    await pingWebhook(store.db, hook, { now: NOW });
    expect(await deliveries()).toMatchObject([{ secret: "whsec_BB==", previousSecret: "whsec_AA==", kind: "PING" }]);
    await later();
    await store.db`UPDATE webhooks SET previous_until = clock_timestamp() - interval '1 second'`;
    expect((await deliveries())[0]?.previousSecret).toBeUndefined();
  });

  test("pingWebhook() queues a message that nobody else is told of", async () => {
    await webhook();
    const hook = await webhook(ADA);
    await pingWebhook(store.db, hook, { now: NOW });
    expect(await route()).toBe(0);
    expect(await store.db`SELECT FROM outbox WHERE delivered_at IS NULL`).toHaveLength(0);
    expect((await deliveries()).map(({ webhookId }) => webhookId)).toEqual([hook]);
  });

  test("replayToWebhook() tells again what the webhook may see, since a message or of an order", async () => {
    const [mine, theirs] = [await order(ADA), await order(BOB)];
    for (const id of [mine, theirs]) for (const kind of ["GRANTED", "FAILED", "DONE"] as const) await tell(id, kind);
    await route(false);
    const hook = await findWebhook(store.db, await webhook(ADA));
    const all = { most: 100, now: NOW };
    expect(await replayToWebhook(store.db, hook!, { ...all, orderId: theirs })).toBe(0);
    expect(await replayToWebhook(store.db, hook!, all)).toBe(2);
    expect(await replayToWebhook(store.db, hook!, all)).toBe(0);
    const [granted] = await deliveries();
    await endNotification(store.db, granted!.id, { state: "failed", error: "no", now: NOW });
    const [done] = await deliveries();
    await endNotification(store.db, done!.id, { state: "delivered", answer: 204, now: NOW });
    expect(await replayToWebhook(store.db, hook!, { ...all, since: granted!.messageId })).toBe(1);
    expect(await deliveries()).toMatchObject([{ kind: "DONE", messageId: done!.messageId, attempts: 1 }]);
  });

  test("removeWebhook() takes along what it would still be told", async () => {
    const hook = await webhook(ADA);
    await tell(await order(), "DONE");
    await route(false);
    expect(await removeWebhook(store.db, hook)).toBe(true);
    expect(await removeWebhook(store.db, hook)).toBe(false);
    expect(await rows()).toEqual([] as never);
  });
});

test("listNotifications() tells what became of them; forgetNotifications() keeps what waits", async () => {
  const hook = await webhook(ADA);
  const id = await order();
  await tell(id, "GRANTED");
  await tell(id, "DONE");
  await route();
  const [first] = await deliveries();
  await endNotification(store.db, first!.id, {
    state: "failed",
    answer: 500,
    error: "The receiver answered 500",
    now: NOW,
  });
  const listed = await listNotifications(store.db, { of: { webhook: hook } }, { page: 0, size: 10 });
  expect(listed).toMatchObject({
    total: 2,
    rows: [
      { kind: "DONE", state: "waiting", attempts: 0 },
      { kind: "GRANTED", state: "failed", answer: 500, lastError: "The receiver answered 500", endedAt: NOW },
    ],
  });
  const page = { page: 0, size: 10 };
  expect((await listNotifications(store.db, { of: "mail", state: "waiting" }, page)).total).toBe(2);
  expect(await forgetNotifications(store.db, { endedBefore: NOW })).toBe(0);
  expect(await forgetNotifications(store.db, { endedBefore: new Date(NOW.getTime() + 1) })).toBe(1);
  expect((await listNotifications(store.db, { of: { webhook: hook } }, page)).total).toBe(1);
});

test("retryMails() has given-up mails tried once more, those of an order alone if wanted", async () => {
  for (let n = 0; n < 3; n++) await tell(await order(), "DONE");
  await route();
  const given = await mails();
  for (const { id } of given.slice(0, 2)) {
    await endNotification(store.db, id, { state: "failed", answer: 550, error: "no", now: NOW });
  }
  await endNotification(store.db, given[2]!.id, { state: "delivered", now: NOW });
  expect(await retryMails(store.db, { orderId: given[0]!.orderId!, now: NOW })).toBe(1);
  expect(await retryMails(store.db, { now: NOW })).toBe(1);
  expect((await mails()).map(({ messageId, attempts }) => [messageId, attempts])).toEqual(
    given.slice(0, 2).map(({ messageId }) => [messageId, 1]),
  );
});
