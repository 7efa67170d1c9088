/** An order that there never was, to show what a mail looks like. Pure. */
import type { OrderRow } from "#store/orders.ts";

const WEEK_MS = 7 * 24 * 3_600_000;

export function exampleOrder(owner: string, now: Date): OrderRow {
  return {
    id: 0,
    owner,
    label: "Greenland in July",
    correlationId: "example",
    resourceName: "order-0",
    spec: { owner, selections: [{}], suspend: false, retry: 0 },
    role: "REGISTERED_USER",
    groups: [],
    channel: "rest",
    onSuccessUrl: "/user/orders",
    createdAt: now,
    statusTime: now,
    expirationTime: new Date(now.getTime() + WEEK_MS),
    retriesServed: 0,
    productsFound: 12,
    purged: false,
    emptied: false,
    status: "DONE_WITH_WARNING",
    percentCompleted: 100,
    files: { total: 12, pending: 0, available: 11, downloaded: 0, failed: 1 },
    bytes: { total: 12_000_000, available: 11_000_000, failed: 1_000_000 },
    subOrders: { total: 1, waiting: 0, running: 0, succeeded: 1, failed: 0 },
    waitingForUser: true,
    suspended: false,
    message: "One file could not be retrieved",
  };
}
