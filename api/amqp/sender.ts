/**
 * Sends what the outbox holds. Any number of senders may run; a claim keeps a message, and what follows it in the same order, to one of them.
 * Marked only after the broker's confirm: a sender that dies in between has it sent again, with the same message id.
 */
import type { Logger } from "pino";
import { type Bell, createBell } from "#kube/bell.ts";
import { pause } from "#kube/pause.ts";
import { pauseAfterFailures, steadily } from "#kube/steadily.ts";
import type { Db } from "#store/db.ts";
import { isNotice } from "#store/orders.ts";
import { claimMessages, type DueMessage, markDelivered, postponeMessages } from "#store/outbox.ts";
import { readSettings } from "#store/settings.ts";
import { judge, rounds, unsent, type Verdict } from "./delivery-plan.ts";
import { type Publisher, Unconfirmed } from "./publisher.ts";
import { responseEnvelopes } from "./response.ts";

export type SenderOptions = {
  readonly db: Db;
  readonly publisher: Publisher;
  readonly tenant: string;
  readonly now: () => Date;
  readonly random: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

export type SenderCounters = { delivered: number; unroutable: number; failures: number };

export type Sender = {
  /** There may be something to send. */
  wake(): void;
  readonly counters: Readonly<SenderCounters>;
  readonly stopped: Promise<void>;
};

const BATCH = 500;
const LEASE_SECONDS = 30;
/** Claims this old may be another's by now (this process was frozen): they are not sent. */
const OLDEST_CLAIM_MS = (LEASE_SECONDS * 1000) / 2;
/** Notifications may be lost, and pauses after failures end without one. */
const LOOK_EVERY_MS = 1_000;
/** Most notifications are about something else: looking is cheap, but not free. */
const LOOK_AT_MOST_EVERY_MS = 15;

export function startSender(options: SenderOptions): Sender {
  const bell = createBell();
  const counters: SenderCounters = { delivered: 0, unroutable: 0, failures: 0 };
  return { wake: bell.ring, counters, stopped: run(options, { bell, counters }) };
}

type Parts = { readonly bell: Bell; readonly counters: SenderCounters };

async function run(options: SenderOptions, { bell, counters }: Parts): Promise<void> {
  const { signal, publisher } = options;
  const round = async () => {
    await publisher.ready(signal);
    const sent = await sendOnce(options, counters);
    if (sent > 0) return;
    await pause(LOOK_AT_MOST_EVERY_MS, signal);
    await bell.wait(LOOK_EVERY_MS, signal);
  };
  await steadily(round, { ...options, what: "send answers", onFailure: () => counters.failures++ });
}

/**
 * Sends one batch; answers how many messages were claimed. Whatever breaks, what was not sent is given back at once: its claim would keep it, and
 * what follows it in the same order, from everybody for half a minute.
 */
async function sendOnce(options: SenderOptions, counters: SenderCounters): Promise<number> {
  const claimedAt = performance.now();
  const claimed = await claimMessages(options.db, { limit: BATCH, leaseSeconds: LEASE_SECONDS });
  const open = new Map(claimed.map((message) => [message.id, message]));
  let why = "A message before it could not be sent";
  try {
    await sendClaimed(options, { claimed, claimedAt, counters, settled: (id) => open.delete(id) });
  } catch (error) {
    why = error instanceof Unconfirmed ? error.message : "The message cannot be sent";
    throw error;
  } finally {
    if (open.size > 0) await postponeMessages(options.db, unsent([...open.values()], why));
  }
  return claimed.length;
}

type Claim = {
  readonly claimed: readonly DueMessage[];
  readonly claimedAt: number;
  readonly counters: SenderCounters;
  /** It is written down what became of the message. */
  readonly settled: (id: number) => void;
};

/** Notices that the tenant has not asked for stay: clients know the contract's answers only. */
async function sendClaimed(options: SenderOptions, { claimed, claimedAt, counters, settled }: Claim): Promise<void> {
  const unasked = await unaskedNotices(options.db, claimed);
  if (unasked.length > 0) await markDelivered(options.db, unasked, { now: options.now() });
  for (const { id } of unasked) settled(id);
  const messages = claimed.filter((message) => !unasked.includes(message));
  const held = new Set<number>();
  for (const round of rounds(messages)) {
    const due = round.filter(({ orderId }) => orderId === undefined || !held.has(orderId));
    if (due.length === 0) continue;
    if (performance.now() - claimedAt > OLDEST_CLAIM_MS) throw new Error("Cannot send: the claim is too old");
    for (const orderId of await sendRound(options, due, counters)) held.add(orderId);
    for (const { id } of due) settled(id);
  }
}

async function unaskedNotices(db: Db, messages: readonly DueMessage[]): Promise<readonly DueMessage[]> {
  if (!messages.some(({ kind }) => isNotice(kind))) return [];
  const asked = (await readSettings(db)).amqp_notices;
  return messages.filter(({ kind }) => isNotice(kind) && !asked.includes(kind));
}

/** Answers the orders whose message could not be told. */
async function sendRound(
  options: SenderOptions,
  messages: readonly DueMessage[],
  counters: SenderCounters,
): Promise<readonly number[]> {
  const { db, publisher, tenant, now, random, logger } = options;
  const parts = messages.map((message) => ({ message, envelopes: responseEnvelopes(message, { tenant, now: now() }) }));
  const fates = await publisher.publish(parts.flatMap(({ envelopes }) => envelopes));
  let at = 0;
  const verdicts = parts.map(({ message, envelopes }): Verdict => {
    const own = fates.slice(at, at + envelopes.length);
    at += envelopes.length;
    return judge(message, own, random);
  });
  const delivered = verdicts.filter((verdict) => verdict.kind === "delivered");
  const postponed = verdicts.filter((verdict) => verdict.kind === "postponed").map((v) => v.postponement);
  counters.delivered += delivered.length;
  counters.unroutable += postponed.length;
  if (postponed.length > 0) {
    logger.warn({ messages: postponed.length, why: postponed[0]?.error }, "answers that nobody can get are kept");
  }
  await remember(options, async () => {
    if (delivered.length > 0) await markDelivered(db, delivered, { now: now() });
    if (postponed.length > 0) await postponeMessages(db, postponed);
  });
  const kept = new Set(postponed.map(({ id }) => id));
  return messages.filter(({ id }) => kept.has(id)).flatMap(({ orderId }) => (orderId === undefined ? [] : [orderId]));
}

/** What was sent must be written down, or it is sent again: tried until it is, while the database is away. */
async function remember({ signal, random }: SenderOptions, write: () => Promise<void>): Promise<void> {
  for (let failures = 1; ; failures++) {
    try {
      return await write();
    } catch (error) {
      if (signal.aborted) throw error;
      await pauseAfterFailures(failures, random, signal);
    }
  }
}
