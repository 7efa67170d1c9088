/**
 * The order's row as the rest of the system sees it, and the select list that makes it.
 * Counters are columns (they are summed and compared in SQL) and become the nested form of the read model here.
 */
import type { OrderStatusWord, Role } from "#crds/files.ts";
import type { ByteCounters, FileCounters, OrderSpec, SubOrderCounters } from "#crds/order.ts";
import { type Db, type Transaction, withoutNulls } from "../db.ts";

export type ReadModel = {
  readonly status: OrderStatusWord;
  readonly percentCompleted: number;
  readonly files: FileCounters;
  readonly bytes: ByteCounters;
  readonly subOrders: SubOrderCounters;
  /** A sub-order is done and the user has not fetched all of it. */
  readonly waitingForUser: boolean;
  readonly suspended: boolean;
  readonly expirationTime?: Date;
  /** The wish of the spec that `expirationTime` was last judged by, and when that was. */
  readonly expirationAsked?: Date;
  readonly expirationAskedAt?: Date;
  readonly completionTime?: Date;
  readonly message?: string;
};

/** Which way the order came in. */
export type Channel = "rest" | "amqp" | "kubectl" | "delivery";

export type OrderRow = ReadModel & {
  readonly id: number;
  readonly owner: string;
  readonly label: string;
  readonly correlationId: string;
  readonly resourceName: string;
  readonly resourceUid?: string;
  /** Of the namespace that the resource was made in. */
  readonly namespaceUid?: string;
  readonly spec: OrderSpec;
  readonly role: Role;
  /** With the role: as whom the catalogue is searched. */
  readonly groups: readonly string[];
  readonly channel: Channel;
  /** Page of the client's application that shows the order. */
  readonly onSuccessUrl?: string;
  /** Of the request that made it, where that had a key. */
  readonly requestHash?: string;
  readonly createdAt: Date;
  readonly statusTime: Date;
  readonly cursor?: unknown;
  readonly resolvedAt?: Date;
  readonly retriesServed: number;
  readonly productsFound: number;
  /** Its files are being given back, or were. */
  readonly purged: boolean;
  /** No row of its files is left. */
  readonly emptied: boolean;
};

/** What to select of `orders` for `toOrderRow`. */
export function orderColumns(db: Db | Transaction) {
  return db`id, owner, label, correlation_id, resource_name, resource_uid, namespace_uid, spec, role, groups, channel, on_success_url, request_hash, created_at, cursor,
    resolved_at, products_found, retries_served, purged, emptied, status, status_time, percent_completed, files_total, files_pending, files_available,
    files_downloaded, files_failed, bytes_total, bytes_available, bytes_failed, sub_orders_total, sub_orders_waiting,
    sub_orders_running, sub_orders_succeeded, sub_orders_failed, waiting_for_user, suspended, expiration_time,
    expiration_asked, expiration_asked_at, completion_time, message`;
}

type Counters = {
  readonly filesTotal: number;
  readonly filesPending: number;
  readonly filesAvailable: number;
  readonly filesDownloaded: number;
  readonly filesFailed: number;
};

/** The counters of a row of orders or sub_orders in their nested form. */
export function fileCounters(row: Counters): FileCounters {
  return {
    total: row.filesTotal,
    pending: row.filesPending,
    available: row.filesAvailable,
    downloaded: row.filesDownloaded,
    failed: row.filesFailed,
  };
}

export type StoredOrder = Omit<OrderRow, "files" | "bytes" | "subOrders"> &
  Counters & {
    readonly bytesTotal: number;
    readonly bytesAvailable: number;
    readonly bytesFailed: number;
    readonly subOrdersTotal: number;
    readonly subOrdersWaiting: number;
    readonly subOrdersRunning: number;
    readonly subOrdersSucceeded: number;
    readonly subOrdersFailed: number;
  };

export function toOrderRow(stored: StoredOrder): OrderRow {
  const {
    filesTotal,
    filesPending,
    filesAvailable,
    filesDownloaded,
    filesFailed,
    bytesTotal,
    bytesAvailable,
    bytesFailed,
    subOrdersTotal,
    subOrdersWaiting,
    subOrdersRunning,
    subOrdersSucceeded,
    subOrdersFailed,
    ...rest
  } = stored;
  return {
    ...withoutNulls<typeof rest>(rest),
    files: fileCounters({ filesTotal, filesPending, filesAvailable, filesDownloaded, filesFailed }),
    bytes: { total: bytesTotal, available: bytesAvailable, failed: bytesFailed },
    subOrders: {
      total: subOrdersTotal,
      waiting: subOrdersWaiting,
      running: subOrdersRunning,
      succeeded: subOrdersSucceeded,
      failed: subOrdersFailed,
    },
  };
}
