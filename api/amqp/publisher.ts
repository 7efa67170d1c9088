/**
 * Confirmed publishing on one channel: a message counts as sent when the broker has confirmed it. A message for which there is no queue is
 * confirmed as well, but returned before (that is why everything is published as mandatory); the caller is told which it was.
 */
import type { ConfirmChannel, Message, Options } from "amqplib";
import { either, type Link } from "./link.ts";

export type Envelope = {
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Buffer;
  /** With a message id, by which a return is told from another. */
  readonly options: Options.Publish & { readonly messageId: string };
};

export type Fate = "routed" | "unroutable";

/** The messages may or may not have arrived: the link broke before the broker said so. */
export class Unconfirmed extends Error {
  override readonly name = "Unconfirmed";
}

export type Publisher = {
  /** Publishes in this order and waits for all confirms. Throws Unconfirmed when there is no link, or it breaks. */
  publish(envelopes: readonly Envelope[]): Promise<readonly Fate[]>;
  /** Resolves once there is a link that takes messages. */
  ready(signal: AbortSignal): Promise<void>;
  /** A session of the link that lends the publisher its channel, until the signal aborts; throws when the link is lost first. */
  serve(link: Link, signal: AbortSignal): Promise<void>;
};

const CONFIRMED_WITHIN_MS = 20_000;
const LOOK_EVERY_MS = 500;

type Lent = { readonly link: Link; readonly channel: ConfirmChannel; readonly returned: Map<string, number> };

export function createPublisher(): Publisher {
  let lent: Lent | undefined;
  const waiting: (() => void)[] = [];
  return {
    async publish(envelopes) {
      if (!lent) throw new Unconfirmed("Cannot publish: there is no link to the broker");
      return await publishOn(lent, envelopes);
    },
    async ready(signal) {
      while (!lent || lent.link.blocked()) {
        signal.throwIfAborted();
        await turn(signal, (wake) => waiting.push(wake));
      }
    },
    async serve(link, signal) {
      const channel = await link.connection.createConfirmChannel();
      const mine = { link, channel, returned: new Map<string, number>() };
      channel.on("error", link.fail);
      channel.on("close", () => link.fail(new Error("The broker closed the channel")));
      channel.on("return", (message) => count(mine.returned, keyOf(returnedEnvelope(message)), 1));
      lent = mine;
      for (const wake of waiting.splice(0)) wake();
      try {
        await either(link.lost, signal);
      } finally {
        lent = undefined;
      }
      link.lost.throwIfAborted();
    },
  };
}

/** Until woken, a moment has passed (an alarm ends without a word to us), or the signal aborts. */
async function turn(signal: AbortSignal, register: (wake: () => void) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, LOOK_EVERY_MS);
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    signal.addEventListener("abort", done, { once: true });
    register(done);
  });
}

async function publishOn({ link, channel, returned }: Lent, envelopes: readonly Envelope[]): Promise<readonly Fate[]> {
  const confirmed = Promise.all(envelopes.map((envelope) => confirm(channel, envelope)));
  await withinLimit(link, confirmed);
  return envelopes.map((envelope) => {
    const key = keyOf(envelope);
    if (!returned.has(key)) return "routed";
    count(returned, key, -1);
    return "unroutable";
  });
}

function confirm(channel: ConfirmChannel, { exchange, routingKey, content, options }: Envelope): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error: unknown) => {
      if (error) reject(new Unconfirmed("The broker did not take the message", { cause: error }));
      else resolve();
    };
    try {
      channel.publish(exchange, routingKey, content, { ...options, mandatory: true }, settle);
    } catch (error) {
      reject(new Unconfirmed("The channel is closed", { cause: error }));
    }
  });
}

/** A broker that confirms nothing is given up, unless it said that it takes nothing now: then it is waited for. */
async function withinLimit(link: Link, confirmed: Promise<unknown>): Promise<void> {
  const { promise: broken, reject } = Promise.withResolvers<never>();
  const onLost = () =>
    reject(new Unconfirmed("The link broke before the broker confirmed", { cause: link.lost.reason }));
  let waited = 0;
  const timer = setInterval(() => {
    if (!link.blocked()) waited += LOOK_EVERY_MS;
    if (waited >= CONFIRMED_WITHIN_MS) link.fail(new Error(`The broker confirmed nothing for ${waited} ms`));
  }, LOOK_EVERY_MS);
  link.lost.addEventListener("abort", onLost, { once: true });
  if (link.lost.aborted) onLost();
  try {
    await Promise.race([confirmed, broken]);
  } finally {
    clearInterval(timer);
    link.lost.removeEventListener("abort", onLost);
    confirmed.catch(() => {});
  }
}

type Addressed = { readonly exchange: string; readonly routingKey: string; readonly messageId: string };

function returnedEnvelope({ fields, properties }: Message): Addressed {
  return { exchange: fields.exchange, routingKey: fields.routingKey, messageId: String(properties.messageId) };
}

function keyOf(envelope: Envelope | Addressed): string {
  const id = "options" in envelope ? envelope.options.messageId : envelope.messageId;
  return `${envelope.exchange}\0${envelope.routingKey}\0${id}`;
}

function count(counts: Map<string, number>, key: string, step: number): void {
  const now = (counts.get(key) ?? 0) + step;
  if (now > 0) counts.set(key, now);
  else counts.delete(key);
}
