/** The answer to whoever made an order out of what was there already: the order, as O4 shows it. Its resource is made on the way. */
import type { Logger } from "pino";
import type { Catalogue } from "#catalog/catalogue.ts";
import type { Transport } from "#kube/transport.ts";
import type { Db } from "#store/db.ts";
import type { OrderRow } from "#store/orders.ts";
import { json, wrap } from "../http/respond.ts";
import { type LinkOptions, orderDto, orderLinks } from "./dto.ts";
import { tryToCreate } from "./resource.ts";

export type MadeDeps = {
  readonly db: Db;
  readonly catalogue: Catalogue;
  readonly transport: Transport;
  readonly now: () => Date;
  readonly logger: Logger;
  /** Public address of the service with its prefix. */
  readonly base: string;
};

export async function made(deps: MadeDeps, row: OrderRow, reader: LinkOptions["reader"]): Promise<Response> {
  await tryToCreate(deps, row);
  // It has no datasets yet: the operator finds out what it means.
  return json(201, wrap(orderDto(row, []), orderLinks(row, { ...deps, reader })));
}
