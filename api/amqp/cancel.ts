/**
 * A cancel request (rs-order.md §4.4): stops the order and deletes it, whatever it is at. Beyond the contract it is answered, and only who knows the
 * order's correlation id, its owner, or an administrator is obeyed.
 */

import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { LIMITS } from "#crds/order.ts";
import { findOrder, type OrderRow } from "#store/orders.ts";
import type { QueuedMessage } from "#store/outbox.ts";
import { STORABLE, unstorablePath } from "#store/storable.ts";
import { findUser } from "#store/users.ts";
import { mayManage } from "../auth/principal.ts";
import { HttpProblem } from "../http/problem.ts";
import { type ActionDeps, ask } from "../orders/actions.ts";
import { type CancelOutcome, cancelAnswer } from "./answer.ts";
import { type Asked, replyProblem } from "./incoming.ts";

const CancelRequest = Type.Object({
  orderId: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER }),
  correlationId: Type.String({ maxLength: LIMITS.correlationIdLength }),
  /** Not in the contract: in whose name it is asked. */
  user: Type.Optional(Type.String({ maxLength: LIMITS.ownerLength })),
});
type CancelRequest = Static<typeof CancelRequest>;

/** Throws only for faults of the system; to be called again then, with the same message. */
export async function answerCancel(deps: ActionDeps, asked: Asked): Promise<QueuedMessage> {
  if (asked.replyTo !== undefined && replyProblem(asked.replyTo) !== undefined) {
    const { replyTo, ...rest } = asked;
    return cancelAnswer(
      rest,
      invalid("reply_to", `A queue of the platform takes no answers at reply_to: '${replyTo}'`),
    );
  }
  return cancelAnswer(asked, await cancel(deps, asked.body));
}

async function cancel(deps: ActionDeps, body: Readonly<Record<string, unknown>>): Promise<CancelOutcome> {
  const path = unstorablePath(body);
  if (path !== undefined) return invalid(path, STORABLE);
  const [problem] = Value.Errors(CancelRequest, body);
  if (problem) return invalid(problem.path.slice(1), `expected ${problem.message.replace(/^Expected /, "")}`, body);
  const request = Value.Clean(CancelRequest, structuredClone(body)) as CancelRequest;
  const row = await findOrder(deps.db, request.orderId);
  if (!row) return invalid("orderId", "Unknown order", body);
  if (!(await mayCancel(deps, request, row))) {
    const message = `[FORBIDDEN] Not allowed to cancel order ${row.id}: neither its correlation id nor its owner`;
    return { kind: "refused", orderId: row.id, errorType: "FORBIDDEN", message };
  }
  if (row.status === "DELETED")
    return { kind: "cancelled", orderId: row.id, message: `Order ${row.id} is deleted already` };
  try {
    await ask(deps, "delete", row);
  } catch (error) {
    if (!(error instanceof HttpProblem) || error.status === 503) throw error;
    return { kind: "refused", orderId: row.id, errorType: "INTERNAL_ERROR", message: error.messages.join(", ") };
  }
  return { kind: "cancelled", orderId: row.id, message: `Order ${row.id} is being cancelled` };
}

/** A user who is named must be one who may; without a user, knowing the order's correlation id is what shows that it is one's own. */
async function mayCancel({ db }: ActionDeps, request: CancelRequest, row: OrderRow): Promise<boolean> {
  if (request.user === undefined) return request.correlationId === row.correlationId;
  const user = await findUser(db, request.user);
  return user?.active === true && mayManage(user, row.owner);
}

const LONGEST_VALUE = 100;

function invalid(field: string, text: string, body: Readonly<Record<string, unknown>> = {}): CancelOutcome {
  const rejected = (JSON.stringify(body[field] ?? null) ?? "null").slice(0, LONGEST_VALUE);
  const message = `[INVALID_CONTENT] ${text} at ${field}: rejected value [${rejected}].`;
  return { kind: "refused", errorType: "INVALID_CONTENT", message, errors: 1 };
}
