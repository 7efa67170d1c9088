/** From a notification to the mail that is sent, or to why there is none (any more). What it says is as the order is now, not as it was. */

import { createHash } from "node:crypto";
import { isGivenBack } from "#crds/files.ts";
import type { Db } from "#store/db.ts";
import { storedTemplate } from "#store/mail-templates.ts";
import type { DueNotification } from "#store/notifications/claim.ts";
import { type MailKind, mailKindOf } from "#store/notifications/kinds.ts";
import { findOrder, type OrderRow } from "#store/orders.ts";
import { readSettings } from "#store/settings.ts";
import { issueOrderToken, type OrderTokenKey } from "../../auth/order-tokens.ts";
import { composeMail, type MailParts, templateProblems } from "./compose.ts";
import { type LinkBase, placeholderValues } from "./placeholders.ts";
import { SHIPPED_TEMPLATES } from "./shipped.ts";
import type { Mail } from "./smtp.ts";
import type { Values } from "./template.ts";

export type MailDeps = LinkBase & { readonly db: Db; readonly orderTokens: OrderTokenKey };

export type Composed =
  | { readonly kind: "mail"; readonly mail: Mail }
  | { readonly kind: "none"; readonly reason: string };

export async function composeFor(deps: MailDeps, due: DueNotification): Promise<Composed> {
  const kind = mailKindOf(due.kind);
  if (kind === undefined) return { kind: "none", reason: `No mail is made of '${due.kind}'` };
  if (!isAddress(due.target)) return { kind: "none", reason: `'${due.target.slice(0, 100)}' is no mail address` };
  const orders = await ordersOf(deps.db, due, kind);
  const reason = orders[0] ? outdated(kind, orders[0], due) : "The order is gone";
  if (reason !== undefined) return { kind: "none", reason };
  const parts = await partsOf(deps, kind, orders);
  return {
    kind: "mail",
    mail: {
      ...parts,
      to: due.target,
      date: due.toldAt,
      messageId: `${fingerprint(deps.tenant, due)}@${hostOf(deps.publicUrl)}`,
    },
  };
}

/** What templates may say of these orders. */
export async function valuesOf(deps: MailDeps, orders: readonly OrderRow[]): Promise<Values> {
  const { expiration_max_duration_in_hours: maxHours } = await readSettings(deps.db);
  const mailed = await Promise.all(
    orders.map(async (row) => ({ row, token: await issueOrderToken(deps.orderTokens, row, { maxHours }) })),
  );
  return placeholderValues(mailed, deps);
}

/** A stored template that cannot be read any more (an older program wrote it) gives way to the shipped one. */
async function partsOf(deps: MailDeps, kind: MailKind, orders: readonly OrderRow[]): Promise<MailParts> {
  const values = await valuesOf(deps, orders);
  const stored = await storedTemplate(deps.db, kind);
  const isUsable = stored !== undefined && templateProblems(stored).length === 0;
  return composeMail(isUsable ? stored : SHIPPED_TEMPLATES[kind], values);
}

/** The order; in a reminder all of those that are still there. */
async function ordersOf(db: Db, { orderId, payload }: DueNotification, kind: MailKind): Promise<readonly OrderRow[]> {
  const listed: unknown = payload["orders"];
  const ids = Array.isArray(listed) ? listed.map(Number) : orderId === undefined ? [] : [orderId];
  const rows = await Promise.all(ids.map((id) => findOrder(db, id)));
  return rows.filter((row) => row !== undefined && (kind !== "reminder" || waits(row))) as readonly OrderRow[];
}

function waits(row: OrderRow): boolean {
  return row.files.available > 0 && !isGivenBack(row.status);
}

const NOT_CONFIRMED: readonly string[] = ["FAILED", "DONE_WITH_WARNING"];

/** Why this mail would be wrong by now. */
function outdated(kind: MailKind, row: OrderRow, { payload }: DueNotification): string | undefined {
  const isTooLate = kind === "created" && NOT_CONFIRMED.includes(row.status);
  if (isTooLate || isGivenBack(row.status)) return `The order is ${row.status}`;
  const expiration = row.expirationTime?.toISOString();
  if (kind === "expiring" && payload["expirationDate"] !== expiration) return "The order expires later";
  return undefined;
}

/** One address, nothing that a mail server could take for several. */
export function isAddress(text: string): boolean {
  return text.length <= 254 && /^[^\s@<>,;:"()[\]\\]+@[^\s@<>,;:"()[\]\\]+$/.test(text);
}

/** The same for each try; not only the number, because a database that is begun anew counts from one again. */
function fingerprint(tenant: string, { messageId, toldAt, target }: DueNotification): string {
  const text = JSON.stringify([tenant, messageId, toldAt, target]);
  return `order.${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
}

function hostOf(publicUrl: string): string {
  return new URL(publicUrl).hostname.replaceAll(/[^a-zA-Z0-9.-]/g, "-");
}
