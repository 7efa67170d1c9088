/**
 * Takes deliveries off the tenant's queues for as long as a link lasts. Anything that ends a consumer without ending the connection (the server closes
 * the channel, somebody deletes the queue) fails the link, so that everything is declared and begun anew.
 */
import type { Channel, ConsumeMessage } from "amqplib";
import { limited } from "#kube/pause.ts";
import { type HandlerDeps, handle, type Inbox } from "./handle.ts";
import { either, type Link, race } from "./link.ts";

export type ConsumerOptions = {
  readonly deps: HandlerDeps;
  readonly inboxes: readonly Inbox[];
  /** Deliveries of each queue that may be unacknowledged. */
  readonly prefetch: number;
  /** Aborted: no more deliveries are taken, those that are begun are finished. */
  readonly signal: AbortSignal;
  readonly onStarted: () => void;
};

const FINISH_WITHIN_MS = 3_000;

/** Resolves when the consumer was told to stop and has finished. */
export async function consume(link: Link, options: ConsumerOptions): Promise<void> {
  const begun = new Set<Promise<void>>();
  const consumers = [];
  for (const inbox of options.inboxes) consumers.push(await startConsumer(link, options, { inbox, begun }));
  options.onStarted();
  await either(options.signal, link.lost);
  link.lost.throwIfAborted();
  await Promise.all(consumers.map(({ channel, tag }) => channel.cancel(tag)));
  await limited(FINISH_WITHIN_MS, [link.lost], (limit) => race(Promise.all(begun), limit)).catch(() => {});
}

async function startConsumer(
  link: Link,
  options: ConsumerOptions,
  { inbox, begun }: { inbox: Inbox; begun: Set<Promise<void>> },
): Promise<{ channel: Channel; tag: string }> {
  const channel = await link.connection.createChannel();
  channel.on("error", link.fail);
  channel.on("close", () => link.fail(new Error(`The channel of queue '${inbox.queue}' was closed`)));
  await channel.prefetch(options.prefetch);
  const { consumerTag } = await channel.consume(inbox.queue, (message) => {
    if (message === null)
      return link.fail(new Error(`The consumer of queue '${inbox.queue}' was cancelled by the broker`));
    const work = deliver(link, { channel, message, options, inbox }).finally(() => begun.delete(work));
    begun.add(work);
  });
  return { channel, tag: consumerTag };
}

type Delivery = {
  readonly channel: Channel;
  readonly message: ConsumeMessage;
  readonly options: ConsumerOptions;
  readonly inbox: Inbox;
};

/** Never throws. What is not acknowledged is delivered again once the link is gone. */
async function deliver(link: Link, { channel, message, options, inbox }: Delivery): Promise<void> {
  try {
    await handle(options.deps, inbox, { message, signal: link.lost });
  } catch (error) {
    if (!link.lost.aborted) link.fail(error instanceof Error ? error : new Error(String(error)));
    return;
  }
  try {
    channel.ack(message);
  } catch {
    // The channel is closed: the message comes again, and the order it made is found by its key.
  }
}
