/**
 * Messages that nobody could be answered for: put aside in the queue's own dead-letter queue with the reason in a header, looked at, put back or
 * dropped by an administrator. Whatever is interrupted, a message is in one of the two queues at least.
 */
import { createHash } from "node:crypto";
import type { Channel, ChannelModel, GetMessage, Message, Options } from "amqplib";
import { deadLetterQueue, EXCHANGE, HEADER } from "./names.ts";
import type { Envelope } from "./publisher.ts";

/** What is published to put a message of `queue` aside: the message as it came, and why. */
export function asideEnvelope(
  message: Message,
  o: { readonly queue: string; readonly reason: string; readonly now: Date },
): Envelope {
  const headers = {
    ...message.properties.headers,
    [HEADER.reason]: o.reason,
    [HEADER.from]: o.queue,
    [HEADER.at]: o.now.toISOString(),
  };
  return {
    exchange: EXCHANGE.deadLetters,
    routingKey: deadLetterQueue(o.queue),
    content: message.content,
    options: { ...propertiesOf(message), headers, deliveryMode: 2, messageId: messageIdOf(message) },
  };
}

const GIVEN_ID = "aside-";

function messageIdOf({ properties }: Message): string {
  return typeof properties.messageId === "string" ? properties.messageId : `${GIVEN_ID}${crypto.randomUUID()}`;
}

/** Those that a publisher may set; a user id would have to be ours, an expiration would lose the message. */
function propertiesOf({ properties }: Message): Options.Publish {
  const { contentType, contentEncoding, priority, correlationId, replyTo, timestamp, type, appId } = properties;
  const given = { contentType, contentEncoding, priority, correlationId, replyTo, timestamp, type, appId };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

export type DeadLetter = {
  /** Short name of the message, the same each time it is looked at. */
  readonly id: string;
  readonly queue: string;
  readonly reason: string;
  readonly time?: string;
  readonly bytes: number;
  /** The beginning of the content. */
  readonly content: string;
};

const SHOWN_BYTES = 200;

/** The messages that were put aside from `queue`, oldest first, at most `limit`; they stay. */
export async function listDeadLetters(
  connection: ChannelModel,
  queue: string,
  limit: number,
): Promise<readonly DeadLetter[]> {
  const found: DeadLetter[] = [];
  await each(connection, { queue, limit }, async (_channel, message) => {
    found.push(describe(message, queue));
    return "keep";
  });
  return found;
}

/** Which ones: these ids, or all of them. */
export type Chosen = readonly string[] | "all";

/** Puts the chosen messages back where they came from; answers how many. */
export async function requeueDeadLetters(connection: ChannelModel, queue: string, chosen: Chosen): Promise<number> {
  const publishing = await connection.createConfirmChannel();
  publishing.on("error", () => {});
  const requeued = await each(connection, { queue }, async (_channel, message) => {
    if (!isChosen(message, queue, chosen)) return "keep";
    publishing.sendToQueue(queue, message.content, { ...original(message), persistent: true, mandatory: true });
    await publishing.waitForConfirms();
    return "done";
  });
  await publishing.close();
  return requeued;
}

/** Removes the chosen messages for good; answers how many. */
export async function dropDeadLetters(connection: ChannelModel, queue: string, chosen: Chosen): Promise<number> {
  return await each(connection, { queue }, async (_channel, message) =>
    isChosen(message, queue, chosen) ? "done" : "keep",
  );
}

function isChosen(message: GetMessage, queue: string, chosen: Chosen): boolean {
  return chosen === "all" || chosen.includes(describe(message, queue).id);
}

/** As it was before it was put aside. */
function original(message: Message): Options.Publish {
  const { messageId } = message.properties;
  const given = typeof messageId === "string" && !messageId.startsWith(GIVEN_ID) && { messageId };
  const ours: readonly string[] = [HEADER.reason, HEADER.from, HEADER.at];
  const headers = Object.entries(message.properties.headers ?? {}).filter(
    ([name]) => !ours.includes(name) && !name.startsWith("x-"),
  );
  return { ...propertiesOf(message), headers: Object.fromEntries(headers), ...given };
}

/** Looks at each message that is there now; kept ones go back to their place when the channel closes. Answers how many were done. */
async function each(
  connection: ChannelModel,
  o: { readonly queue: string; readonly limit?: number },
  look: (channel: Channel, message: GetMessage) => Promise<"keep" | "done">,
): Promise<number> {
  const channel = await connection.createChannel();
  channel.on("error", () => {});
  const aside = deadLetterQueue(o.queue);
  const messageCount = await countOf(channel, aside);
  if (messageCount === undefined) return 0;
  let done = 0;
  for (let n = 0; n < Math.min(messageCount, o.limit ?? messageCount); n++) {
    const message = await channel.get(aside);
    if (message === false) break;
    if ((await look(channel, message)) === "keep") continue;
    channel.ack(message);
    done++;
  }
  await channel.close();
  return done;
}

const NOT_FOUND = 404;

/** Undefined where there is no such queue: nothing was ever put aside there. */
async function countOf(channel: Channel, queue: string): Promise<number | undefined> {
  try {
    return (await channel.checkQueue(queue)).messageCount;
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === NOT_FOUND) return undefined;
    throw error;
  }
}

function describe(message: GetMessage, queue: string): DeadLetter {
  const { headers } = message.properties;
  const reason: unknown = headers?.[HEADER.reason];
  const time: unknown = headers?.[HEADER.at];
  const death = headers?.["x-death"]?.[0];
  const identity = JSON.stringify([reason ?? null, time ?? null, message.properties.messageId ?? null]);
  return {
    id: createHash("sha256").update(identity).update(message.content).digest("hex").slice(0, 12),
    queue,
    reason: typeof reason === "string" ? reason : (death?.reason ?? "unknown"),
    ...(typeof time === "string" && { time }),
    bytes: message.content.length,
    content: message.content.subarray(0, SHOWN_BYTES).toString("utf8"),
  };
}
