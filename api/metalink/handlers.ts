/**
 * The files of an order as a document of links (O12, O13), for programs that download many files, resume and verify. Whoever asks for it,
 * its links carry the token of this order in its owner's name, so they work for whoever the document is given to, until the order ends.
 */
import type { Logger } from "pino";
import type { OrderStatusWord } from "#crds/files.ts";
import type { Db } from "#store/db.ts";
import { safeName, uniqueNames } from "#store/file-names.ts";
import { type FileRow, linkedFiles } from "#store/files.ts";
import type { OrderRow } from "#store/orders.ts";
import { readSettings } from "#store/settings.ts";
import { issueOrderToken, type OrderTokenKey } from "../auth/order-tokens.ts";
import { attachment } from "../download/range.ts";
import { textBody } from "../download/text-body.ts";
import { type Call, type Handler, idParam } from "../http/call.ts";
import { HttpProblem } from "../http/problem.ts";
import { respond } from "../http/respond.ts";
import { orderByToken, orderToRead } from "../orders/access.ts";
import { chooseFormat } from "./choose.ts";
import type { LinkFormat } from "./format.ts";
import { linkedFile } from "./linked-file.ts";

export type MetalinkDeps = {
  readonly db: Db;
  readonly orderTokens: OrderTokenKey;
  /** Public address of the service with its prefix. */
  readonly base: string;
  readonly now: () => Date;
  readonly logger: Logger;
};

/** O12. */
export function orderMetalink(deps: MetalinkDeps): Handler {
  return async (call) => answer(deps, call, await orderToRead(deps.db, call.principal, idParam(call, "orderId")));
}

/** O13. The token alone says which order. */
export function publicMetalink(deps: MetalinkDeps): Handler {
  return async (call) => answer(deps, call, await orderByToken(deps, call));
}

/** Nothing is there, not yet or not any more. */
const WITHOUT_LINKS: readonly OrderStatusWord[] = ["DELETED", "EXPIRED", "PENDING", "FAILED"];

async function answer(deps: MetalinkDeps, call: Call, order: OrderRow): Promise<Response> {
  const format = chooseFormat(call.query.get("format"), call.request.headers.get("accept"));
  if (WITHOUT_LINKS.includes(order.status)) throw new HttpProblem(404, []);
  const { expiration_max_duration_in_hours: maxHours } = await readSettings(deps.db);
  const token = await issueOrderToken(deps.orderTokens, order, { maxHours });
  const parameters = `orderToken=${token}&scope=${encodeURIComponent(deps.orderTokens.tenant)}`;
  const url = (file: FileRow) => `${deps.base}/orders/public/files/${file.id}?${parameters}`;
  const entries = entriesOf(deps, order, { format, url });
  // A document of links without a link is not valid in any version: there is nothing to link to, not yet or not any more.
  const first = await entries.next();
  if (first.done) throw new HttpProblem(404, []);
  const stem = `order_${order.id}_${deps.now().toISOString().replaceAll(":", "_")}`;
  const logger = deps.logger.child({ orderId: order.id });
  return respond(200, textBody(document(format, first.value, entries), { request: call.request, logger }), {
    "content-type": format.mediaType,
    "content-disposition": attachment(format.fileName(stem)),
    vary: "Accept",
  });
}

async function* document(format: LinkFormat, first: string, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  yield format.before + first;
  yield* rest;
  yield format.after;
}

type Entries = { readonly format: LinkFormat; readonly url: (file: FileRow) => string };

async function* entriesOf(deps: MetalinkDeps, order: OrderRow, o: Entries): AsyncGenerator<string> {
  const unique = uniqueNames();
  const seen = new Set<string>();
  for await (const page of linkedFiles(deps.db, order.id)) {
    for (const file of page) {
      if (!o.format.lists(file)) continue;
      const content = `${file.sha256} ${safeName(file.filename)}`;
      if (o.format.merges && seen.has(content)) continue;
      if (o.format.merges) seen.add(content);
      yield o.format.entry(linkedFile(file, { name: unique(safeName(file.filename)), url: o.url(file) }));
    }
  }
}
