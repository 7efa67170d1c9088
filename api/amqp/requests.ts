/**
 * An order request: checked and stored by the one `acceptOrder`, then answered through the outbox. The client's reply queue is remembered before the
 * order exists, because from then on the operator may have something to tell.
 */
import type { QueuedMessage, ReplyQueue } from "#store/outbox.ts";
import { addReplyQueue, dropReplyQueue } from "#store/outbox.ts";
import { type AcceptDeps, acceptOrder } from "../orders/accept.ts";
import { invalid } from "../orders/outcome.ts";
import { granted, refused } from "./answer.ts";
import { type Asked, replyProblem } from "./incoming.ts";

/** Throws only for faults of the system; to be called again then, with the same message. */
export async function answerRequest(deps: AcceptDeps, asked: Asked): Promise<QueuedMessage> {
  const wrong = asked.replyTo === undefined ? undefined : replyProblem(asked.replyTo);
  if (wrong !== undefined) {
    const { replyTo, ...rest } = asked;
    return refused(rest, invalid(asked.correlationId, [{ field: "reply_to", message: wrong, rejected: replyTo }]));
  }
  const reply = replyQueueOf(asked);
  if (reply) await addReplyQueue(deps.db, reply, { now: deps.now() });
  const outcome = await acceptOrder(deps, { body: asked.body, channel: "amqp" });
  if (outcome.kind === "accepted") return granted(outcome.row);
  if (reply) await dropReplyQueue(deps.db, reply);
  return refused(asked, outcome);
}

/** Undefined where the request names no queue, or can become no order anyway. */
function replyQueueOf({ body, correlationId, replyTo }: Asked): ReplyQueue | undefined {
  const owner = body["user"];
  return replyTo === undefined || typeof owner !== "string" ? undefined : { owner, correlationId, queue: replyTo };
}
