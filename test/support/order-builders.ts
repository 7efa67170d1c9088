/** Orders, rows and sub-orders as tests want them: everything has a value that a quiet order has, and the test names what it is about. */
import { API_VERSION, LABELS, subOrderName } from "#crds/names.ts";
import type { Order } from "#crds/order.ts";
import type { SubOrder } from "#crds/suborder.ts";
import type { OrderObserved, OrderSettings, Work } from "#operator/order/observed.ts";
import type { SubOrderRow } from "#store/files.ts";
import type { OrderRow } from "#store/orders.ts";

export const NOW = new Date("2026-03-01T12:00:00.000Z");
export const OWNER = "ada@lab.org";

export const SETTINGS: OrderSettings = {
  appSubOrderHours: 2,
  maxExpirationHours: 168,
  expirationNoticeHours: 24,
  maxSourceSilenceSeconds: 7200,
  finishedWithWarningStatus: "FAILED",
};

export function anOrder(over: { metadata?: Partial<Order["metadata"]>; spec?: Partial<Order["spec"]> } = {}): Order {
  return {
    apiVersion: API_VERSION,
    kind: "Order",
    metadata: { name: "order-7", uid: "uid-7", generation: 1, ...over.metadata },
    spec: { owner: OWNER, selections: [{ query: "a:1" }], suspend: false, retry: 0, ...over.spec },
  };
}

const NO_FILES = { total: 0, pending: 0, available: 0, downloaded: 0, failed: 0 };
const NO_BYTES = { total: 0, available: 0, failed: 0 };
const NO_SUBORDERS = { total: 0, waiting: 0, running: 0, succeeded: 0, failed: 0 };

export function aRow(over: Partial<OrderRow> = {}): OrderRow {
  return {
    id: 7,
    owner: OWNER,
    label: "seven",
    correlationId: "key-7",
    resourceName: "order-7",
    resourceUid: "uid-7",
    namespaceUid: "uid-of-the-namespace",
    spec: anOrder().spec,
    role: "REGISTERED_USER",
    groups: [],
    channel: "rest",
    createdAt: NOW,
    statusTime: NOW,
    retriesServed: 0,
    productsFound: 0,
    purged: false,
    emptied: false,
    status: "PENDING",
    percentCompleted: 0,
    files: NO_FILES,
    bytes: NO_BYTES,
    subOrders: NO_SUBORDERS,
    waitingForUser: false,
    suspended: false,
    ...over,
  };
}

/** A row whose search has ended with that many sub-orders to fetch. */
export function aResolvedRow(internal: number, over: Partial<OrderRow> = {}): OrderRow {
  const cursor = { after: 99, made: internal, internal };
  return aRow({ resolvedAt: NOW, productsFound: internal, status: "RUNNING", cursor, ...over });
}

export function someWork(over: Partial<Work> = {}): Work {
  return {
    files: NO_FILES,
    downloadErrors: 0,
    bytes: NO_BYTES,
    subOrders: NO_SUBORDERS,
    waitingForUser: false,
    active: [],
    untold: [],
    moreUntold: false,
    ...over,
  };
}

export function aSubOrderRow(over: Partial<SubOrderRow> = {}): SubOrderRow {
  return {
    id: 71,
    orderId: 7,
    number: 1,
    attempt: 1,
    state: "Running",
    files: { total: 2, pending: 2, available: 0, downloaded: 0, failed: 0 },
    bytes: 20,
    reference: false,
    datasetUrn: "urn:d",
    datasetLabel: "d",
    startedAt: NOW,
    ...over,
  };
}

/** A SubOrder resource of that row; with `reason`, its attempt has ended so. */
export function aSubOrder(
  row: SubOrderRow,
  o: { orderUid?: string; uid?: string; reason?: string; notBefore?: Date; attempt?: number } = {},
): SubOrder {
  const attempt = o.attempt ?? row.attempt;
  const condition = {
    type: "Succeeded",
    status: "Unknown" as const,
    reason: o.reason ?? "Running",
    message: o.reason ?? "Running",
    lastTransitionTime: "2026-03-01T12:00:00Z",
  };
  return {
    apiVersion: API_VERSION,
    kind: "SubOrder",
    metadata: {
      name: subOrderName("order-7", row.number),
      uid: o.uid ?? `uid-7-${row.number}`,
      generation: 1,
      labels: { [LABELS.order]: "7", [LABELS.subOrder]: String(row.number) },
      ownerReferences: [
        { apiVersion: API_VERSION, kind: "Order", name: "order-7", uid: o.orderUid ?? "uid-7", controller: true },
      ],
    },
    spec: { orderName: "order-7", orderId: 7, number: row.number, attempt, files: row.files.total, bytes: row.bytes },
    status: {
      attempt,
      conditions: [condition],
      ...(o.notBefore ? { notBefore: o.notBefore.toISOString() } : {}),
    },
  };
}

export function anObserved(over: Partial<OrderObserved> = {}): OrderObserved {
  return {
    order: anOrder(),
    row: aRow(),
    work: someWork(),
    subOrders: [],
    silentSince: new Map(),
    settings: SETTINGS,
    downloadLink: "https://archive.example/api/v1/rs-order/user/orders/7/download",
    ...over,
  };
}
