/** Orders over REST: asking for one, looking at them. */
import type { Db } from "#store/db.ts";
import { datasetsOf, datasetsOfOrders, type OrderDataset } from "#store/files.ts";
import { ORDER_SORT_KEYS, type OrderFilter, type OrderRow, searchOrders, statusesExcept } from "#store/orders.ts";
import { type Call, type Handler, idParam } from "../http/call.ts";
import { callersTrace } from "../http/callers-trace.ts";
import { idempotencyKey } from "../http/idempotency.ts";
import { pageBody, pageRequest } from "../http/page.ts";
import { HttpProblem } from "../http/problem.ts";
import { json, wrap } from "../http/respond.ts";
import { sortedHref, sortRequest } from "../http/sort.ts";
import { type AcceptDeps, acceptOrder } from "./accept.ts";
import { orderToRead } from "./access.ts";
import { type LinkOptions, orderDto, orderLinks } from "./dto.ts";
import type { Acceptance, Refusal } from "./outcome.ts";
import { previewOrder } from "./preview.ts";

export type OrderDeps = { readonly db: Db; readonly base: string };
type ShownDeps = LinkOptions & { readonly db: Db };

/** O2. The owner is always the caller. `dryRun=true` tells what would be ordered. */
export function applyOrder(deps: AcceptDeps): Handler {
  return async ({ request, body, principal, query }) => {
    const asked = {
      ...withCaller(body, { user: principal.email, key: idempotencyKey(request) }),
      ...callersTrace(request),
      channel: "rest",
      caller: principal,
    } as const;
    if (isDryRun(query)) {
      const outcome = await previewOrder(deps, asked);
      if (outcome.kind === "preview") return json(200, wrap(outcome.preview));
      throw refusalProblem(outcome);
    }
    const outcome = await acceptOrder(deps, asked);
    if (outcome.kind === "accepted") return json(201, granted(outcome));
    throw refusalProblem(outcome);
  };
}

/** Over REST the owner is always the caller; the header names a request whose body does not. */
function withCaller(body: unknown, o: { readonly user: string; readonly key: string | undefined }) {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return { body };
  const asked = { ...body, user: o.user };
  if (o.key === undefined || (Reflect.get(body, "correlationId") ?? null) !== null) return { body: asked };
  return { body: { ...asked, correlationId: o.key }, keyField: "Idempotency-Key" };
}

function refusalProblem(refusal: Refusal): HttpProblem {
  const { httpStatus, messages, fields } = refusal;
  return new HttpProblem(httpStatus, messages, {}, { fields, body: refused(refusal) });
}

/** Another value is refused: whoever misspells it does not want an order. */
function isDryRun(query: URLSearchParams): boolean {
  const text = query.get("dryRun");
  if (text === null || text === "false") return false;
  if (text === "true") return true;
  throw new HttpProblem(422, [`dryRun: expected one of true, false, got '${text.slice(0, 64)}'`]);
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
  const filter = { statuses: statusesExcept(["DELETED"]) };
  return (call) => orderPage(deps, call, { filter: { ...filter, owner: call.principal.email }, path: "/user/orders" });
}

/** O4. */
export function getOrder(deps: OrderDeps): Handler {
  return async (call) => {
    const row = await orderToRead(deps.db, call.principal, idParam(call, "orderId"));
    return json(200, await shownOrder({ ...deps, reader: call }, row));
  };
}

/** The page of orders that the call asks for, newest first unless it asks for another order. */
export async function orderPage(
  deps: OrderDeps,
  call: Call,
  o: { readonly filter: OrderFilter; readonly path: string },
): Promise<Response> {
  const page = pageRequest(call.query);
  const sorts = sortRequest(call.query, ORDER_SORT_KEYS);
  const { rows, total } = await searchOrders(deps.db, o.filter, { ...page, sorts });
  const content = await shownOrders({ ...deps, reader: call }, rows);
  return json(200, pageBody(page, content, { total, href: sortedHref(deps.base + o.path, sorts) }));
}

/** One question for the datasets of all of them. */
async function shownOrders(deps: ShownDeps, rows: readonly OrderRow[]) {
  const datasets = await datasetsOfOrders(
    deps.db,
    rows.map((row) => row.id),
  );
  return rows.map((row) => shown(deps, row, datasets.get(row.id) ?? []));
}

async function shownOrder(deps: ShownDeps, row: OrderRow) {
  return shown(deps, row, await datasetsOf(deps.db, row.id));
}

function shown(deps: ShownDeps, row: OrderRow, datasets: readonly OrderDataset[]) {
  return wrap(orderDto(row, datasets), orderLinks(row, deps));
}
