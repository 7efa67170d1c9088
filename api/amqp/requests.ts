/**
 * An order request: checked and stored by the one `acceptOrder`. GRANTED is stored with the order, so only a refusal is left to be told. A repeat of
 * a request that names another reply queue has that queue told what it has missed.
 */
import type { QueuedMessage } from "#store/outbox.ts";
import { addReplyQueue } from "#store/outbox.ts";
import { STORABLE, unstorablePath } from "#store/storable.ts";
import { type AcceptDeps, acceptOrder } from "../orders/accept.ts";
import { invalid } from "../orders/outcome.ts";
import { refused } from "./answer.ts";
import { type Asked, replyProblem } from "./incoming.ts";

/** What is still to be told, if anything. Throws only for faults of the system; to be called again then, with the same message. */
export async function answerRequest(deps: AcceptDeps, asked: Asked): Promise<QueuedMessage | undefined> {
  const { replyTo, ...rest } = asked;
  const wrong = replyTo === undefined ? undefined : replyProblem(replyTo);
  if (wrong !== undefined) {
    return refused(rest, invalid(asked.correlationId, [{ field: "reply_to", message: wrong, rejected: replyTo }]));
  }
  const path = unstorablePath(asked.body);
  if (path !== undefined) return refused(asked, invalid(asked.correlationId, [{ field: path, message: STORABLE }]));
  const reply = replyTo !== undefined && { replyTo };
  const { body, traceparent } = asked;
  const traced = traceparent !== undefined && { traceparent };
  const outcome = await acceptOrder(deps, { body, channel: "amqp", ...reply, ...traced });
  if (outcome.kind === "refused") return refused(asked, outcome);
  if (outcome.repeated && replyTo !== undefined) {
    const { owner, correlationId } = outcome.row;
    await addReplyQueue(deps.db, { owner, correlationId, queue: replyTo }, { now: deps.now() });
  }
  return undefined;
}
