/** Everybody's orders for administrators: in pages (O15), or all of them as a table (O16). */
import type { Logger } from "pino";
import { type OrderFilter, type ReportedOrder, reportOrders } from "#store/orders.ts";
import { attachment } from "../download/range.ts";
import { textBody } from "../download/text-body.ts";
import type { Handler } from "../http/call.ts";
import { respond } from "../http/respond.ts";
import { csvLine } from "./csv.ts";
import { type OrderDeps, orderPage } from "./handlers.ts";
import { orderFilter } from "./search-parameters.ts";

/** O15. */
export function searchAllOrders(deps: OrderDeps): Handler {
  return async (call) => orderPage(deps, call, { filter: orderFilter(call.body), path: "/orders/search" });
}

/** O16. A table of any length in little memory. */
export function reportAllOrders(deps: OrderDeps & { readonly logger: Logger }): Handler {
  return ({ request, body }) =>
    respond(200, textBody(table(deps, orderFilter(body)), { request, logger: deps.logger }), {
      "content-type": "text/csv; charset=utf-8",
      "content-disposition": attachment("orders.csv"),
    });
}

/** Name and value of each column, in the contract's order (rs-order.md §7.1). */
const COLUMNS: Readonly<Record<string, (order: ReportedOrder) => string | number>> = {
  ORDER_ID: (order) => order.id,
  CREATION_DATE: (order) => order.createdAt.toISOString(),
  EXPIRATION_DATE: (order) => order.expirationTime?.toISOString() ?? "",
  OWNER: (order) => order.owner,
  STATUS: (order) => order.status,
  STATUS_DATE: (order) => order.statusTime.toISOString(),
  PERCENT_COMPLETE: (order) => order.percentCompleted,
  FILES_IN_ERROR: (order) => order.filesFailed,
  FILES_SIZE: (order) => order.filesSize,
  FILES_COUNT: (order) => order.filesCount,
};

async function* table(deps: OrderDeps, filter: OrderFilter): AsyncGenerator<string> {
  yield csvLine(Object.keys(COLUMNS));
  const values = Object.values(COLUMNS);
  for await (const page of reportOrders(deps.db, filter)) {
    yield page.map((order) => csvLine(values.map((value) => value(order)))).join("");
  }
}
