/**
 * Every route of the service, and who may call it. A route exists only through this table: the router mounts nothing else,
 * and the guard refuses whatever is not found here. The letters are those of the contract (rs-order).
 */
import type { Role } from "#crds/files.ts";

/** Built in; an administrator may change it. `ANYONE`: neither token nor tenant is looked at. `PUBLIC`: a tenant must be named. A role: a token with at least that role. */
export type Access = "ANYONE" | Role;

export type Operation = {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the prefix of the service, or from the root with `at: "root"`. */
  readonly path: string;
  readonly at?: "root";
  readonly access: Access;
  /** Down to which role an administrator may lower it; absent: not below `access`. */
  readonly floor?: Role;
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
  orderBasketForApplication: { method: "POST", path: "/orders", access: "ADMIN", floor: "REGISTERED_USER" },
  // The contract's O2–O9, O11
  applyOrder: { method: "POST", path: "/user/orders/apply", access: "REGISTERED_USER" },
  listOrders: { method: "GET", path: "/user/orders", access: "REGISTERED_USER" },
  getOrder: { method: "GET", path: "/user/orders/:orderId", access: "REGISTERED_USER" },
  pauseOrder: { method: "PUT", path: "/user/orders/pause/:orderId", access: "REGISTERED_USER" },
  resumeOrder: { method: "PUT", path: "/user/orders/resume/:orderId", access: "REGISTERED_USER" },
  retryOrder: { method: "PUT", path: "/user/orders/:orderId/retry", access: "REGISTERED_USER" },
  cancelOrder: { method: "PUT", path: "/user/orders/:orderId/cancel", access: "REGISTERED_USER" },
  deleteOrder: { method: "DELETE", path: "/user/orders/:orderId", access: "REGISTERED_USER" },
  // Beside the contract
  changeOrder: { method: "PATCH", path: "/user/orders/:orderId", access: "REGISTERED_USER" },
  actOnOrders: { method: "POST", path: "/user/orders/actions", access: "REGISTERED_USER" },
  orderEvents: { method: "GET", path: "/user/orders/:orderId/events", access: "REGISTERED_USER" },
  downloadOrder: { method: "GET", path: "/user/orders/:orderId/download", access: "REGISTERED_USER" },
  headOrderDownload: { method: "HEAD", path: "/user/orders/:orderId/download", access: "REGISTERED_USER" },
  // F1 in both shapes, F2, F4
  listAvailableFilesFlat: {
    method: "GET",
    path: "/user/orders/:orderId/files/available",
    access: "REGISTERED_USER",
  },
  listOrderFiles: { method: "GET", path: "/user/orders/:orderId/files", access: "REGISTERED_USER" },
  listSubOrders: { method: "GET", path: "/user/orders/:orderId/suborders", access: "REGISTERED_USER" },
  listAvailableFiles: { method: "GET", path: "/orders/:orderId/files/available", access: "REGISTERED_USER" },
  listSubOrderFiles: {
    method: "GET",
    path: "/orders/:orderId/filesTask/:filesTaskId/files/available",
    access: "REGISTERED_USER",
  },
  downloadFile: { method: "GET", path: "/orders/files/:dataFileId", access: "REGISTERED_USER" },
  headFile: { method: "HEAD", path: "/orders/files/:dataFileId", access: "REGISTERED_USER" },
  // F3, F5, F6
  listDatasetFiles: { method: "GET", path: "/orders/:orderId/dataset/:datasetId/files", access: "REGISTERED_USER" },
  downloadPublicFile: { method: "GET", path: "/orders/public/files/:dataFileId", access: "PUBLIC" },
  headPublicFile: { method: "HEAD", path: "/orders/public/files/:dataFileId", access: "PUBLIC" },
  // The archive by the order's token, beyond the contract: for links in mails
  downloadPublicOrder: { method: "GET", path: "/orders/public/download", access: "PUBLIC" },
  headPublicOrder: { method: "HEAD", path: "/orders/public/download", access: "PUBLIC" },
  // O10, O12, O13, O15, O16
  removeOrder: {
    method: "DELETE",
    path: "/user/orders/remove/:orderId",
    access: "ADMIN",
    floor: "REGISTERED_USER",
  },
  orderMetalink: { method: "GET", path: "/user/orders/:orderId/metalink/download", access: "REGISTERED_USER" },
  publicMetalink: { method: "GET", path: "/user/orders/metalink/download", access: "PUBLIC" },
  searchAllOrders: { method: "POST", path: "/orders/search", access: "EXPLOIT" },
  reportAllOrders: { method: "POST", path: "/orders/csv", access: "EXPLOIT" },
  // S1–S3
  listSettings: { method: "GET", path: "/settings", access: "ADMIN", floor: "EXPLOIT" },
  updateSetting: { method: "PUT", path: "/settings/:name", access: "ADMIN" },
  resetSetting: { method: "DELETE", path: "/settings/:name", access: "ADMIN" },
  // G1–G6
  exportConfiguration: { method: "GET", path: "/microservice/configuration", access: "PROJECT_ADMIN" },
  importConfiguration: {
    method: "POST",
    path: "/microservice/configuration",
    access: "PROJECT_ADMIN",
    body: "streamed",
  },
  configurationEnabled: { method: "GET", path: "/microservice/configuration/enabled", access: "PROJECT_ADMIN" },
  microserviceReady: { method: "GET", path: "/microservice/ready", access: "PROJECT_ADMIN" },
  microserviceReadyEnabled: { method: "GET", path: "/microservice/ready/enabled", access: "PROJECT_ADMIN" },
  microserviceRestart: { method: "GET", path: "/microservice/restart", access: "PROJECT_ADMIN" },
  microserviceRestartEnabled: { method: "GET", path: "/microservice/restart/enabled", access: "PROJECT_ADMIN" },
  getMaintenance: { method: "GET", path: "/maintenance", access: "PROJECT_ADMIN" },
  enableMaintenance: { method: "PUT", path: "/maintenance/:tenant/enable", access: "PROJECT_ADMIN" },
  disableMaintenance: { method: "PUT", path: "/maintenance/:tenant/disable", access: "PROJECT_ADMIN" },
  securityResources: { method: "GET", path: "/security/resources", access: "PROJECT_ADMIN" },
  updateRouteRole: { method: "PUT", path: "/security/resources/:operation", access: "PROJECT_ADMIN" },
  resetRouteRole: { method: "DELETE", path: "/security/resources/:operation", access: "PROJECT_ADMIN" },
  datasourceStatus: { method: "GET", path: "/regards/:tenant/datasource/status", access: "PUBLIC" },
  datasourceTest: { method: "GET", path: "/regards/:tenant/datasource/test", access: "ADMIN" },
  shutdown: { method: "POST", path: "/shutdown/immediate", access: "INSTANCE_ADMIN", body: "streamed" },
  // The contract's storage service, as far as it is about download quotas
  getOwnQuota: { method: "GET", path: "/api/v1/rs-storage/quota", at: "root", access: "PUBLIC" },
  listQuotas: { method: "GET", path: "/api/v1/rs-storage/quotas", at: "root", access: "PROJECT_ADMIN" },
  getQuotaDefaults: { method: "GET", path: "/api/v1/rs-storage/quota/defaults", at: "root", access: "ADMIN" },
  getMaxQuota: { method: "GET", path: "/api/v1/rs-storage/quota/max", at: "root", access: "ADMIN" },
  getOwnQuotaUse: { method: "GET", path: "/api/v1/rs-storage/quota/current", at: "root", access: "PUBLIC" },
  getQuotaUse: {
    method: "GET",
    path: "/api/v1/rs-storage/quota/current/:userEmail",
    at: "root",
    access: "PROJECT_ADMIN",
  },
  listQuotaUse: { method: "POST", path: "/api/v1/rs-storage/quota/currents", at: "root", access: "ADMIN" },
  getQuota: { method: "GET", path: "/api/v1/rs-storage/quota/:userEmail", at: "root", access: "PROJECT_ADMIN" },
  setQuota: { method: "PUT", path: "/api/v1/rs-storage/quota/:userEmail", at: "root", access: "PROJECT_ADMIN" },
  // Processes, beyond the contract
  listProcesses: { method: "GET", path: "/processes", access: "REGISTERED_USER" },
  // Webhooks and mails, beyond the contract
  listWebhooks: { method: "GET", path: "/user/webhooks", access: "REGISTERED_USER" },
  createWebhook: { method: "POST", path: "/user/webhooks", access: "REGISTERED_USER" },
  getWebhook: { method: "GET", path: "/user/webhooks/:webhookId", access: "REGISTERED_USER" },
  updateWebhook: { method: "PUT", path: "/user/webhooks/:webhookId", access: "REGISTERED_USER" },
  removeWebhook: { method: "DELETE", path: "/user/webhooks/:webhookId", access: "REGISTERED_USER" },
  changeWebhookSecret: { method: "POST", path: "/user/webhooks/:webhookId/secret", access: "REGISTERED_USER" },
  pingWebhook: { method: "POST", path: "/user/webhooks/:webhookId/ping", access: "REGISTERED_USER" },
  replayWebhook: { method: "POST", path: "/user/webhooks/:webhookId/replay", access: "REGISTERED_USER" },
  listWebhookDeliveries: { method: "GET", path: "/user/webhooks/:webhookId/deliveries", access: "REGISTERED_USER" },
  listMailTemplates: { method: "GET", path: "/mails/templates", access: "ADMIN" },
  getMailTemplate: { method: "GET", path: "/mails/templates/:kind", access: "ADMIN" },
  updateMailTemplate: { method: "PUT", path: "/mails/templates/:kind", access: "ADMIN" },
  resetMailTemplate: { method: "DELETE", path: "/mails/templates/:kind", access: "ADMIN" },
  previewMail: { method: "POST", path: "/mails/templates/:kind/preview", access: "ADMIN" },
  listMails: { method: "GET", path: "/mails", access: "ADMIN" },
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
