/** The answer to whoever made an order out of what was there already: the order, as O4 shows it. Its resource is made on the way. */
import type { Logger } from "pino";
import type { Catalogue } from "#catalog/catalogue.ts";
import type { Transport } from "#kube/transport.ts";
import type { Db } from "#store/db.ts";
import type { OrderRow } from "#store/orders.ts";
import type { Call } from "../http/call.ts";
import { callersTrace } from "../http/callers-trace.ts";
import { json, wrap } from "../http/respond.ts";
import type { OnAccepted } from "./accept.ts";
import { orderDto, orderLinks } from "./dto.ts";
import { tryToCreate } from "./resource.ts";

export type MadeDeps = {
  readonly db: Db;
  readonly catalogue: Catalogue;
  readonly transport: Transport;
  readonly now: () => Date;
  readonly logger: Logger;
  /** Public address of the service with its prefix. */
  readonly base: string;
  readonly onAccepted?: OnAccepted;
};

export async function made(
  deps: MadeDeps,
  row: OrderRow,
  { call, start }: { readonly call: Call; readonly start: Date },
): Promise<Response> {
  await tryToCreate(deps, row);
  deps.onAccepted?.({ orderId: row.id, channel: "rest", start, ...callersTrace(call.request) });
  // It has no datasets yet: the operator finds out what it means.
  return json(201, wrap(orderDto(row, []), orderLinks(row, { ...deps, reader: call })));
}
