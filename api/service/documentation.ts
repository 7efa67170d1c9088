/** What is said in the OpenAPI document of the tenant's settings, of maintenance and of the service itself. */
import { Type } from "@sinclair/typebox";
import type { OperationDoc, ResponseDoc } from "../http/documentation.ts";
import { Problem } from "../http/schemas.ts";
import {
  Configuration,
  ImportReport,
  Maintenance,
  Readiness,
  RouteRole,
  SecurityResource,
  Setting,
  SettingUpdate,
} from "./schemas.ts";

const refusal = (description: string): ResponseDoc => ({ description, schema: Type.Ref(Problem) });
const SETTING: ResponseDoc = { description: "The setting as it is now.", schema: Setting };
const NAME = { name: Type.String({ description: "Name of the setting." }) };
const OPERATION = { operation: Type.String({ description: "The route's `operation`." }) };
const ROUTE: ResponseDoc = { description: "The route as it is now.", schema: SecurityResource };
const NO_ROUTE = refusal("No such route.");
const TENANT = { tenant: Type.String({ description: "This service's tenant." }) };
const NO_SETTING = refusal("No such setting.");
const EMPTY: ResponseDoc = { description: "Done. Empty." };
const NO_TENANT = refusal("Not this service's tenant.");

function absent(summary: string, params: OperationDoc["params"] = {}): OperationDoc {
  return { summary, tag: "service", params, responses: { 501: refusal("Not enabled in this service.") } };
}

type ServiceOperation =
  | "listSettings"
  | "updateSetting"
  | "resetSetting"
  | "microserviceReady"
  | "microserviceReadyEnabled"
  | "microserviceRestart"
  | "microserviceRestartEnabled"
  | "exportConfiguration"
  | "importConfiguration"
  | "configurationEnabled"
  | "getMaintenance"
  | "enableMaintenance"
  | "disableMaintenance"
  | "securityResources"
  | "updateRouteRole"
  | "resetRouteRole"
  | "datasourceStatus"
  | "datasourceTest"
  | "shutdown";

export const SERVICE_DOCUMENTATION: Readonly<Record<ServiceOperation, OperationDoc>> = {
  listSettings: {
    summary: "The tenant's settings",
    tag: "settings",
    query: { names: "Only these, with commas between; all of them unless told. Unknown names are passed over." },
    responses: { 200: { description: "The settings.", schema: Type.Array(Setting) } },
  },
  updateSetting: {
    summary: "Change a setting",
    tag: "settings",
    description: "For what is done from then on: orders that exist keep their expiry.",
    params: NAME,
    body: SettingUpdate,
    responses: { 200: SETTING, 404: NO_SETTING, 422: refusal("A value that the setting may not have.") },
  },
  resetSetting: {
    summary: "Put a setting back to its default",
    tag: "settings",
    params: NAME,
    responses: { 200: SETTING, 404: NO_SETTING },
  },
  microserviceReady: {
    summary: "Whether the service can work",
    tag: "service",
    responses: { 200: { description: "Whether, and why not.", schema: Readiness } },
  },
  microserviceReadyEnabled: { summary: "Whether readiness is told: yes", tag: "service", responses: { 200: EMPTY } },
  microserviceRestart: absent("Restart: what runs the service restarts it"),
  microserviceRestartEnabled: absent("Whether a restart can be asked for: no"),
  exportConfiguration: {
    summary: "The tenant's configuration, as a file",
    tag: "service",
    responses: {
      200: {
        description: "Every setting and every changed role of a route, as the import takes it.",
        schema: Configuration,
      },
    },
  },
  importConfiguration: {
    summary: "Take a configuration",
    tag: "service",
    description:
      "Settings, and roles of routes (module `order-security`), that the file does not name stay as they are, or go back to their defaults with `resetBeforeImport` of their module. What is wrong is reported, the rest is taken.",
    body: Type.Object({ file: Type.String({ format: "binary" }) }),
    bodyType: "multipart/form-data",
    responses: {
      201: { description: "All of it is taken. Empty." },
      206: { description: "Some of it is taken.", schema: Type.Array(ImportReport) },
      400: refusal("Not a form with a `file` of JSON."),
      409: { description: "Nothing could be taken, nothing is changed.", schema: Type.Array(ImportReport) },
      413: refusal("Too large."),
    },
  },
  configurationEnabled: {
    summary: "Whether configurations are exported and imported: yes",
    tag: "service",
    responses: { 200: EMPTY },
  },
  getMaintenance: {
    summary: "Whether the tenant is in maintenance",
    tag: "service",
    responses: { 200: { description: "By tenant.", schema: Maintenance } },
  },
  enableMaintenance: {
    summary: "Begin maintenance: nothing can be changed, everything read",
    tag: "service",
    params: TENANT,
    body: Type.Object({ message: Type.Optional(Type.String({ maxLength: 500, description: "Told to users." })) }),
    bodyOptional: true,
    responses: { 200: EMPTY, 404: NO_TENANT, 422: refusal("Not a message.") },
  },
  disableMaintenance: {
    summary: "End maintenance",
    tag: "service",
    params: TENANT,
    responses: { 200: EMPTY, 404: NO_TENANT },
  },
  securityResources: {
    summary: "Every route with the least role that may call it",
    tag: "service",
    responses: { 200: { description: "The routes.", schema: Type.Array(SecurityResource) } },
  },
  updateRouteRole: {
    summary: "Give a route another least role",
    tag: "service",
    description: "One of `rolesToChoose`. In effect at once on every server.",
    params: OPERATION,
    body: RouteRole,
    responses: { 200: ROUTE, 404: NO_ROUTE, 422: refusal("Not a role that this route may have.") },
  },
  resetRouteRole: {
    summary: "Give a route its built-in role again",
    tag: "service",
    params: OPERATION,
    responses: { 200: ROUTE, 404: NO_ROUTE },
  },
  datasourceStatus: absent("State of the tenant's data source: see `/readyz`", TENANT),
  datasourceTest: absent("Test of the tenant's data source: see `/readyz`", TENANT),
  shutdown: absent("Stop: what runs the service stops it"),
};
