/**
 * What is done with one delivery until it may be acknowledged: answered (the order's row and the answer are stored), put aside, or left to another
 * tenant. While the environment is away it waits; if the link is lost meanwhile it is given up, because the broker delivers it again.
 */
import type { ConsumeMessage } from "amqplib";
import type { Logger } from "pino";
import { pauseAfterFailures } from "#kube/steadily.ts";
import type { QueuedMessage } from "#store/outbox.ts";
import type { Batcher } from "./batcher.ts";
import { asideEnvelope } from "./dead-letters.ts";
import { faultOf } from "./fault.ts";
import { type Asked, readIncoming } from "./incoming.ts";
import type { Limiter } from "./limiter.ts";
import { type Publisher, Unconfirmed } from "./publisher.ts";

export type HandlerCounters = { answered: number; foreign: number; poison: number; retries: number };

export type HandlerDeps = {
  readonly tenant: string;
  readonly outbox: Batcher<QueuedMessage, void>;
  readonly publisher: Publisher;
  readonly limit: Limiter;
  readonly counters: HandlerCounters;
  readonly now: () => Date;
  readonly random: () => number;
  readonly logger: Logger;
  /** There is something to send. */
  readonly wake: () => void;
};

/** Deals with one request of this queue and says what is to be told then, if that is not stored yet; throws for faults of the system. */
export type Answer = (asked: Asked) => Promise<QueuedMessage | undefined>;

export type Inbox = { readonly queue: string; readonly answer: Answer };

const TRIES_OF_A_DEFECT = 3;

/** Resolves when the message may be acknowledged; throws the signal's reason when it aborts first. */
export async function handle(
  deps: HandlerDeps,
  inbox: Inbox,
  { message, signal }: { readonly message: ConsumeMessage; readonly signal: AbortSignal },
): Promise<void> {
  const incoming = readIncoming(message, deps.tenant);
  switch (incoming.kind) {
    case "foreign":
      deps.counters.foreign++;
      return;
    case "poison":
      return await putAside(deps, { message, queue: inbox.queue, reason: incoming.reason, signal });
    case "asked": {
      const reason = await answered(deps, inbox, { asked: incoming, signal });
      if (reason === undefined) return;
      return await putAside(deps, { message, queue: inbox.queue, reason, signal });
    }
    default:
      incoming satisfies never;
  }
}

/** Undefined once the answer is stored; otherwise why there can be none. */
async function answered(
  deps: HandlerDeps,
  inbox: Inbox,
  { asked, signal }: { asked: Asked; signal: AbortSignal },
): Promise<string | undefined> {
  for (let failures = 1; ; failures++) {
    signal.throwIfAborted();
    try {
      const answer = await deps.limit(() => inbox.answer(asked));
      if (answer) await deps.outbox.add(answer);
      deps.counters.answered++;
      deps.wake();
      return undefined;
    } catch (error) {
      const fault = faultOf(error);
      const given = fault === "message" || (fault === "unknown" && failures >= TRIES_OF_A_DEFECT);
      if (given) {
        deps.logger.error(
          { err: error, queue: inbox.queue, correlationId: asked.correlationId },
          "cannot answer a message",
        );
        return `Unexpected failure : ${error instanceof Error ? error.message : String(error)}`;
      }
      deps.counters.retries++;
      deps.logger.warn({ err: error, queue: inbox.queue, failures }, "cannot answer a message now");
      await pauseAfterFailures(failures, deps.random, signal);
    }
  }
}

/** Acknowledged only when the dead-letter queue has it. */
async function putAside(
  deps: HandlerDeps,
  o: { message: ConsumeMessage; queue: string; reason: string; signal: AbortSignal },
): Promise<void> {
  const reason = o.reason.slice(0, 1000);
  const envelope = asideEnvelope(o.message, { queue: o.queue, reason, now: deps.now() });
  for (let failures = 1; ; failures++) {
    await deps.publisher.ready(o.signal);
    const fate = await sent(deps, envelope);
    if (fate === "routed") break;
    deps.logger.warn({ queue: o.queue, fate }, "cannot put a message aside now");
    await pauseAfterFailures(failures, deps.random, o.signal);
  }
  deps.counters.poison++;
  deps.logger.warn({ queue: o.queue, reason, bytes: o.message.content.length }, "a message was put aside");
}

async function sent(deps: HandlerDeps, envelope: Parameters<Publisher["publish"]>[0][number]) {
  try {
    return (await deps.publisher.publish([envelope]))[0];
  } catch (error) {
    if (error instanceof Unconfirmed) return "unconfirmed";
    throw error;
  }
}
