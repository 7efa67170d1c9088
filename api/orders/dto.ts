/**
 * An order as the contract shows it (OrderDto), with what its users missed there: why it failed, its correlation id, its sub-orders.
 * A link is there only while the action behind it is allowed.
 */
import type { OrderDataset } from "#store/files.ts";
import type { OrderRow } from "#store/orders.ts";
import { mayManage } from "../auth/principal.ts";
import type { Call } from "../http/call.ts";
import type { Link } from "../http/respond.ts";
import type { OperationId } from "../operations.ts";
import { type Refusable, refusalOf } from "./state.ts";

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
const ACTIONS: Readonly<Record<Refusable, { readonly route: OperationId; readonly path: (id: number) => string }>> = {
  pause: { route: "pauseOrder", path: (id) => `/user/orders/pause/${id}` },
  resume: { route: "resumeOrder", path: (id) => `/user/orders/resume/${id}` },
  restart: { route: "restartOrder", path: (id) => `/user/orders/${id}/restart` },
  retry: { route: "retryOrder", path: (id) => `/user/orders/${id}/retry` },
  cancel: { route: "cancelOrder", path: (id) => `/user/orders/${id}/cancel` },
  delete: { route: "deleteOrder", path: (id) => `/user/orders/${id}` },
};

export type LinkOptions = {
  /** The public address of the service with its prefix. */
  readonly base: string;
  /** Who will read the links. */
  readonly reader: Pick<Call, "principal" | "mayCall">;
};

/**
 * Those that would be answered: the route is open to the reader's role, the order to the reader, and the action to the order's state.
 * A reader who may not manage the order gets no link to it, only that to their own orders.
 */
export function orderLinks(row: OrderRow, { base, reader }: LinkOptions): readonly Link[] {
  const link = (rel: string, route: OperationId, path: string): readonly Link[] =>
    reader.mayCall(route) ? [{ rel, href: base + path }] : [];
  const list = link("list", "listOrders", "/user/orders");
  if (!mayManage(reader.principal, row.owner)) return list;
  const isDeleted = row.status === "DELETED";
  return [
    ...link("self", "getOrder", `/user/orders/${row.id}`),
    ...list,
    ...(!isDeleted && row.files.available > 0
      ? link("download", "downloadOrder", `/user/orders/${row.id}/download`)
      : []),
    ...Object.entries(ACTIONS).flatMap(([action, { route, path }]) =>
      refusalOf(action as Refusable, row) === undefined ? link(action, route, path(row.id)) : [],
    ),
    ...(isDeleted ? link("remove", "removeOrder", `/user/orders/remove/${row.id}`) : []),
  ];
}
