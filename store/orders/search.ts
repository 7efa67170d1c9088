/**
 * Looking for orders: an owner's own, and everybody's for administrators; in pages, or all of them for a report. Newest first unless told,
 * which is by id, so a page costs the same however many there are.
 */
import { ORDER_STATUSES, type OrderStatusWord } from "#crds/files.ts";
import type { Db } from "../db.ts";
import { orderBy, type Sort } from "../sorting.ts";
import { type OrderRow, orderColumns, type StoredOrder, toOrderRow } from "./rows.ts";

export type OrderFilter = {
  readonly owner?: string;
  /** Case-sensitive, anywhere in the owner's name. */
  readonly ownerContains?: string;
  /** Only these; an empty list admits none. */
  readonly statuses?: readonly OrderStatusWord[];
  /** Inclusive. */
  readonly createdAfter?: Date;
  readonly createdBefore?: Date;
  readonly waitingForUser?: boolean;
};

const EXPRESSIONS = {
  id: "id",
  label: "label",
  owner: "owner",
  creationDate: "created_at",
  expirationDate: "expiration_time",
  percentCompleted: "percent_completed",
  filesInErrorCount: "files_failed",
  availableFilesCount: "files_available",
  status: "status",
  statusDate: "status_time",
  waitingForUser: "waiting_for_user",
} as const;

export type OrderSortKey = keyof typeof EXPRESSIONS;
export const ORDER_SORT_KEYS = Object.keys(EXPRESSIONS) as readonly OrderSortKey[];

export type OrderPage = { readonly rows: readonly OrderRow[]; readonly total: number };

/**
 * One page, and how many there are; `page` counts from 0. The page's numbers are found first: an index has all that this asks for, and whole
 * rows are read of one page only, not of those before it.
 */
export async function searchOrders(
  db: Db,
  filter: OrderFilter,
  o: { readonly page: number; readonly size: number; readonly sorts?: readonly Sort<OrderSortKey>[] },
): Promise<OrderPage> {
  const where = matching(db, filter);
  const order = orderBy(db, o.sorts ?? [], { expressions: EXPRESSIONS, last: "id DESC" });
  const [rows, [count]] = await Promise.all([
    db<StoredOrder[]>`
      SELECT ${orderColumns(db)} FROM orders
      WHERE id = ANY(ARRAY(SELECT id FROM orders ${where} ORDER BY ${order} LIMIT ${o.size} OFFSET ${o.page * o.size}))
      ORDER BY ${order}`,
    db<{ total: number }[]>`SELECT count(*) AS total FROM orders ${where}`,
  ]);
  return { rows: rows.map(toOrderRow), total: count?.total ?? 0 };
}

export type ReportedOrder = {
  readonly id: number;
  readonly createdAt: Date;
  readonly expirationTime: Date | null;
  readonly owner: string;
  readonly status: OrderStatusWord;
  readonly statusTime: Date;
  readonly percentCompleted: number;
  readonly filesFailed: number;
  /** Bytes and number of the files ordered, also once they are given back. */
  readonly filesSize: number;
  readonly filesCount: number;
};

const REPORT_PAGE = 2_000;

/**
 * All of them by id, in pages. Each page is a statement of its own, not a part of one open cursor: a client that stops reading would keep a
 * connection with it, and a handful of such clients all of them.
 */
export async function* reportOrders(db: Db, filter: OrderFilter): AsyncGenerator<readonly ReportedOrder[]> {
  for (let after = 0; ; ) {
    const rows = await db<ReportedOrder[]>`
      SELECT o.id, o.created_at, o.expiration_time, o.owner, o.status, o.status_time, o.percent_completed, o.files_failed,
        d.files_size, d.files_count
      FROM (SELECT * FROM orders ${matching(db, filter)} AND id > ${after} ORDER BY id LIMIT ${REPORT_PAGE}) o
      CROSS JOIN LATERAL (
        SELECT coalesce(sum(files_size), 0)::bigint AS files_size, coalesce(sum(files_count), 0)::bigint AS files_count
        FROM order_datasets WHERE order_id = o.id) d
      ORDER BY o.id`;
    if (rows.length > 0) yield rows;
    if (rows.length < REPORT_PAGE) return;
    after = rows.at(-1)?.id ?? after;
  }
}

function matching(db: Db, filter: OrderFilter) {
  const { owner, ownerContains, statuses, createdAfter, createdBefore, waitingForUser } = filter;
  return db`
    WHERE true
    ${owner === undefined ? db`` : db`AND owner = ${owner}`}
    ${ownerContains === undefined ? db`` : db`AND owner = ANY(${ownersWith(db, ownerContains)})`}
    ${statuses === undefined ? db`` : db`AND status = ANY(${[...statuses]}::text[])`}
    ${createdAfter === undefined ? db`` : db`AND created_at >= ${createdAfter}`}
    ${createdBefore === undefined ? db`` : db`AND created_at <= ${createdBefore}`}
    ${waitingForUser === undefined ? db`` : db`AND waiting_for_user = ${waitingForUser}`}`;
}

/** Owners are few beside their orders: their names are found one by one in the index, and no order is looked at that does not match. */
function ownersWith(db: Db, part: string) {
  return db`ARRAY(
    WITH RECURSIVE owners AS (
      (SELECT owner FROM orders ORDER BY owner LIMIT 1)
      UNION ALL
      SELECT (SELECT o.owner FROM orders o WHERE o.owner > owners.owner ORDER BY o.owner LIMIT 1) FROM owners WHERE owners.owner IS NOT NULL)
    SELECT owner FROM owners WHERE strpos(owner, ${part}) > 0)`;
}

/** All statuses but these. */
export function statusesExcept(excluded: readonly OrderStatusWord[]): readonly OrderStatusWord[] {
  return ORDER_STATUSES.filter((status) => !excluded.includes(status));
}
