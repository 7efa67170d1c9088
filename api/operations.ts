/**
 * Every route of the service, and who may call it. A route exists only through this table: the router mounts nothing else,
 * and the guard refuses whatever is not found here. The letters are those of the contract (rs-order).
 */
import type { Role } from "#crds/files.ts";

/** `ANYONE`: neither token nor tenant is looked at. `PUBLIC`: a tenant must be named. A role: a token with at least that role. */
export type Access = "ANYONE" | Role;

export type Operation = {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Below the prefix of the service, or from the root with `at: "root"`. */
  readonly path: string;
  readonly at?: "root";
  readonly access: Access;
  /** The handler reads the body itself, as it arrives. */
  readonly body?: "streamed";
};

export const OPERATIONS = {
  // The contract's B1–B8
  getBasket: { method: "GET", path: "/order/basket", access: "REGISTERED_USER" },
  emptyBasket: { method: "DELETE", path: "/order/basket", access: "REGISTERED_USER" },
  addBasketSelection: { method: "POST", path: "/order/basket/selection", access: "REGISTERED_USER" },
  uploadBasketSelection: {
    method: "POST",
    path: "/order/basket/selection/upload",
    access: "REGISTERED_USER",
    body: "streamed",
  },
  removeBasketDataset: {
    method: "DELETE",
    path: "/order/basket/dataset/:datasetSelectionId",
    access: "REGISTERED_USER",
  },
  removeBasketItem: {
    method: "DELETE",
    path: "/order/basket/dataset/:datasetSelectionId/:itemsSelectionDate",
    access: "REGISTERED_USER",
  },
  updateBasketProcessing: {
    method: "PUT",
    path: "/order/basket/dataset/:datasetSelectionId/updateProcessing",
    access: "REGISTERED_USER",
  },
  updateBasketFileFilters: {
    method: "PUT",
    path: "/order/basket/dataset/:datasetSelectionId/updateFileFilters",
    access: "REGISTERED_USER",
  },
  // O1, O8, O14
  orderBasket: { method: "POST", path: "/user/orders", access: "REGISTERED_USER" },
  restartOrder: { method: "POST", path: "/user/orders/:orderId/restart", access: "REGISTERED_USER" },
  orderBasketForApplication: { method: "POST", path: "/orders", access: "ADMIN" },
  // The contract's O2–O9, O11
  applyOrder: { method: "POST", path: "/user/orders/apply", access: "REGISTERED_USER" },
  listOrders: { method: "GET", path: "/user/orders", access: "REGISTERED_USER" },
  getOrder: { method: "GET", path: "/user/orders/:orderId", access: "REGISTERED_USER" },
  pauseOrder: { method: "PUT", path: "/user/orders/pause/:orderId", access: "REGISTERED_USER" },
  resumeOrder: { method: "PUT", path: "/user/orders/resume/:orderId", access: "REGISTERED_USER" },
  retryOrder: { method: "PUT", path: "/user/orders/:orderId/retry", access: "REGISTERED_USER" },
  cancelOrder: { method: "PUT", path: "/user/orders/:orderId/cancel", access: "REGISTERED_USER" },
  deleteOrder: { method: "DELETE", path: "/user/orders/:orderId", access: "REGISTERED_USER" },
  downloadOrder: { method: "GET", path: "/user/orders/:orderId/download", access: "REGISTERED_USER" },
  headOrderDownload: { method: "HEAD", path: "/user/orders/:orderId/download", access: "REGISTERED_USER" },
  // F1 in both shapes, F2, F4
  listAvailableFilesFlat: {
    method: "GET",
    path: "/user/orders/:orderId/files/available",
    access: "REGISTERED_USER",
  },
  listAvailableFiles: { method: "GET", path: "/orders/:orderId/files/available", access: "REGISTERED_USER" },
  listSubOrderFiles: {
    method: "GET",
    path: "/orders/:orderId/filesTask/:filesTaskId/files/available",
    access: "REGISTERED_USER",
  },
  downloadFile: { method: "GET", path: "/orders/files/:dataFileId", access: "REGISTERED_USER" },
  headFile: { method: "HEAD", path: "/orders/files/:dataFileId", access: "REGISTERED_USER" },
  // Beside the contract's service
  issueToken: { method: "POST", path: "/api/v1/rs-authentication/oauth/token", at: "root", access: "ANYONE" },
  openapiDocument: { method: "GET", path: "/openapi/json", at: "root", access: "ANYONE" },
  openapiPage: { method: "GET", path: "/openapi", at: "root", access: "ANYONE" },
  healthz: { method: "GET", path: "/healthz", at: "root", access: "ANYONE" },
  readyz: { method: "GET", path: "/readyz", at: "root", access: "ANYONE" },
} as const satisfies Record<string, Operation>;

export type OperationId = keyof typeof OPERATIONS;

/** Path of the route as the router knows it. */
export function routePath(operation: Operation, prefix: string): string {
  return operation.at === "root" ? operation.path : prefix + operation.path;
}
