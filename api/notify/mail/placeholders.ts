/**
 * What templates may say, in the contract's words where it has some (rs-order.md §3.10). Links carry the order's token: they work for whoever
 * the mail is given to, until the order ends. Pure.
 */
import type { OrderRow } from "#store/orders.ts";
import type { Names, Values } from "./template.ts";

const ORDER_NAMES = {
  order_id: "value",
  order_label: "value",
  owner: "value",
  status: "value",
  message: "value",
  creation_date: "value",
  expiration_date: "value",
  files_total: "value",
  files_available: "value",
  files_failed: "value",
  metalink_download_url: "value",
  download_url: "value",
  orders_url: "value",
} as const satisfies Names;

const COMMON = { project: "value", regards_downloader_url: "value", ...ORDER_NAMES } as const satisfies Names;

/** The names that every template knows; in a reminder those of an order are of the first one. */
export const PLACEHOLDERS: Names = { ...COMMON, orders: ORDER_NAMES };

const DOWNLOADER = "https://github.com/RegardsOss/RegardsDownloader/releases";

export type LinkBase = {
  readonly tenant: string;
  /** Where clients reach the service, without the prefix. */
  readonly publicUrl: string;
  /** The same with the prefix. */
  readonly base: string;
};

/** An order with the token that opens it. */
export type MailedOrder = { readonly row: OrderRow; readonly token: string };

/** `orders` has at least one. */
export function placeholderValues(orders: readonly MailedOrder[], base: LinkBase): Values {
  const all = orders.map((order) => orderValues(order, base));
  return { project: base.tenant, regards_downloader_url: DOWNLOADER, ...all[0], orders: all };
}

function orderValues({ row, token }: MailedOrder, { tenant, publicUrl, base }: LinkBase): Values {
  const access = new URLSearchParams({ orderToken: token, scope: tenant });
  const page = row.onSuccessUrl === undefined ? undefined : pageUrl(row.onSuccessUrl, publicUrl);
  return {
    order_id: `${row.id}`,
    order_label: row.label,
    owner: row.owner,
    status: row.status,
    message: row.message,
    creation_date: day(row.createdAt),
    expiration_date: row.expirationTime && day(row.expirationTime),
    files_total: `${row.files.total}`,
    files_available: row.files.available > 0 ? `${row.files.available}` : undefined,
    files_failed: row.files.failed > 0 ? `${row.files.failed}` : undefined,
    metalink_download_url: `${base}/user/orders/metalink/download?${access}`,
    download_url: `${base}/orders/public/download?${access}`,
    orders_url: page,
  };
}

/** The page that the client named, of this host: another one would be somebody else's link in our mail. */
function pageUrl(path: string, publicUrl: string): string | undefined {
  const origin = new URL(publicUrl).origin;
  const url = URL.canParse(path, publicUrl) ? new URL(path, publicUrl) : undefined;
  return url?.origin === origin ? url.href : undefined;
}

/** `2026-11-20 10:20 UTC` */
function day(time: Date): string {
  return `${time.toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
