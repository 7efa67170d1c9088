/** Orders over REST: asking for one, looking at them. */
import type { Db } from "#store/db.ts";
import { datasetsOf } from "#store/files.ts";
import { listOrders as findOrders, type OrderRow } from "#store/orders.ts";
import { type Handler, idParam } from "../http/call.ts";
import { metadata, pageLinks, pageRequest } from "../http/page.ts";
import { json, wrap } from "../http/respond.ts";
import { type AcceptDeps, acceptOrder } from "./accept.ts";
import { orderToRead } from "./access.ts";
import { orderDto, orderLinks } from "./dto.ts";
import type { Acceptance, Refusal } from "./outcome.ts";

export type OrderDeps = { readonly db: Db; readonly base: string };

/** O2. The owner is always the caller. */
export function applyOrder(deps: AcceptDeps): Handler {
  return async ({ body, principal }) => {
    const outcome = await acceptOrder(deps, {
      body: typeof body === "object" && !Array.isArray(body) ? { ...body, user: principal.email } : body,
      channel: "rest",
      role: principal.role,
    });
    return outcome.kind === "accepted" ? json(201, granted(outcome)) : json(outcome.httpStatus, refused(outcome));
  };
}

/** Flat as the guides have it, and wrapped as published. */
function granted({ row }: Acceptance) {
  const response = { orderId: row.id, status: "GRANTED", correlationId: row.correlationId };
  return { ...response, ...wrap(response) };
}

/** The same two forms, and the error body of every other refusal. */
function refused(refusal: Refusal) {
  const { status, correlationId, message, errorType, errors, messages } = refusal;
  const response = {
    status,
    correlationId,
    message,
    errorType,
    errorCode: errorType,
    ...(errors !== undefined && { errors }),
  };
  return { ...response, messages, ...wrap(response) };
}

/** O3. Deleted orders are hidden from their owner. */
export function listOrders(deps: OrderDeps): Handler {
  return async ({ principal, query }) => {
    const page = pageRequest(query);
    const { rows, total } = await findOrders(deps.db, { owner: principal.email, excludeDeleted: true, ...page });
    return json(200, {
      metadata: metadata(page, total),
      content: await Promise.all(rows.map((row) => orderResource(deps, row))),
      links: pageLinks(page, total, `${deps.base}/user/orders`),
    });
  };
}

/** O4. */
export function getOrder(deps: OrderDeps): Handler {
  return async (call) => {
    const row = await orderToRead(deps.db, call.principal, idParam(call, "orderId"));
    return json(200, await orderResource(deps, row));
  };
}

async function orderResource(deps: OrderDeps, row: OrderRow) {
  return wrap(orderDto(row, await datasetsOf(deps.db, row.id)), orderLinks(row, deps.base));
}
