/**
 * An order as the contract shows it (OrderDto), with what its users missed there: why it failed, its correlation id, its sub-orders.
 * A link is there only while the action behind it is allowed.
 */
import { roleAtLeast } from "#crds/files.ts";
import type { OrderDataset } from "#store/files.ts";
import type { OrderRow } from "#store/orders.ts";
import { mayManage, type Principal } from "../auth/principal.ts";
import type { Link } from "../http/respond.ts";
import { OPERATIONS } from "../operations.ts";
import { allowed, type Refusable } from "./state.ts";

export type DatasetTaskDto = {
  readonly id: number;
  readonly datasetLabel: string;
  readonly objectsCount: number;
  readonly filesCount: number;
  readonly filesSize: number;
};

export type OrderDto = {
  readonly id: number;
  readonly owner: string;
  readonly label: string;
  readonly creationDate: string;
  readonly expirationDate?: string;
  readonly percentCompleted: number;
  readonly filesInErrorCount: number;
  readonly availableFilesCount: number;
  readonly status: OrderRow["status"];
  readonly statusDate: string;
  readonly waitingForUser: boolean;
  readonly datasetTasks: readonly DatasetTaskDto[];
  readonly correlationId: string;
  readonly message?: string;
  readonly subOrders: OrderRow["subOrders"];
};

export function orderDto(row: OrderRow, datasets: readonly OrderDataset[]): OrderDto {
  return {
    id: row.id,
    owner: row.owner,
    label: row.label,
    creationDate: row.createdAt.toISOString(),
    ...(row.expirationTime && { expirationDate: row.expirationTime.toISOString() }),
    percentCompleted: row.percentCompleted,
    filesInErrorCount: row.files.failed,
    availableFilesCount: row.files.available,
    status: row.status,
    statusDate: row.statusTime.toISOString(),
    waitingForUser: row.waitingForUser,
    datasetTasks: datasetTasks(datasets),
    correlationId: row.correlationId,
    ...(row.message !== undefined && { message: row.message }),
    subOrders: row.subOrders,
  };
}

/** By label, then by number: two datasets of one label stay two. */
function datasetTasks(datasets: readonly OrderDataset[]): readonly DatasetTaskDto[] {
  return [...datasets]
    .sort((a, b) => (a.datasetLabel < b.datasetLabel ? -1 : a.datasetLabel > b.datasetLabel ? 1 : a.id - b.id))
    .map((d) => ({
      id: d.id,
      datasetLabel: d.datasetLabel,
      objectsCount: d.productsCount,
      filesCount: d.filesCount,
      filesSize: d.filesSize,
    }));
}

/** In the order in which they are shown. */
const HREFS: Readonly<Record<Refusable, (id: number) => string>> = {
  pause: (id) => `/user/orders/pause/${id}`,
  resume: (id) => `/user/orders/resume/${id}`,
  restart: (id) => `/user/orders/${id}/restart`,
  retry: (id) => `/user/orders/${id}/retry`,
  cancel: (id) => `/user/orders/${id}/cancel`,
  delete: (id) => `/user/orders/${id}`,
};

export type LinkOptions = {
  /** The public address of the service with its prefix. */
  readonly base: string;
  /** Who will read the links; absent where that is who made the order. */
  readonly reader?: Principal;
};

/** A reader who may not manage the order gets no link to it, only that to their own orders: each of the others would refuse them. */
export function orderLinks(row: OrderRow, { base, reader }: LinkOptions): readonly Link[] {
  const list = { rel: "list", href: `${base}/user/orders` };
  if (reader && !mayManage(reader, row.owner)) return [list];
  const links: Link[] = [{ rel: "self", href: `${base}/user/orders/${row.id}` }, list];
  if (row.status !== "DELETED" && row.files.available > 0) {
    links.push({ rel: "download", href: `${base}/user/orders/${row.id}/download` });
  }
  for (const [action, href] of Object.entries(HREFS)) {
    if (allowed(action as Refusable, row)) links.push({ rel: action, href: base + href(row.id) });
  }
  if (row.status === "DELETED" && reader && roleAtLeast(reader.role, OPERATIONS.removeOrder.access)) {
    links.push({ rel: "remove", href: `${base}/user/orders/remove/${row.id}` });
  }
  return links;
}
