/** The handlers of everything that is about the service and not about orders. */
import type { Logger } from "pino";
import type { Db } from "#store/db.ts";
import type { Handler } from "../http/call.ts";
import { listSettings, resetSettingToDefault, updateSetting } from "../settings/handlers.ts";
import { exportConfiguration, importConfiguration } from "./configuration.ts";
import type { SERVICE_DOCUMENTATION } from "./documentation.ts";
import { disableMaintenance, enableMaintenance, getMaintenance } from "./maintenance.ts";
import { enabled, microserviceReady, notEnabled } from "./microservice.ts";
import { resetRouteRoleToDefault, securityResources, updateRouteRole } from "./route-roles.ts";

export type ServiceDeps = {
  readonly db: Db;
  readonly tenant: string;
  readonly version: string;
  /** Public address of the service with its prefix. */
  readonly base: string;
  readonly now: () => Date;
  readonly logger: Logger;
};

export function serviceHandlers(deps: ServiceDeps): Readonly<Record<keyof typeof SERVICE_DOCUMENTATION, Handler>> {
  const restart = notEnabled("Restart");
  const datasource = notEnabled("Administration of the data source");
  return {
    listSettings: listSettings(deps),
    updateSetting: updateSetting(deps),
    resetSetting: resetSettingToDefault(deps),
    exportConfiguration: exportConfiguration(deps),
    importConfiguration: importConfiguration(deps),
    configurationEnabled: enabled(),
    microserviceReady: microserviceReady(deps.db),
    microserviceReadyEnabled: enabled(),
    microserviceRestart: restart,
    microserviceRestartEnabled: restart,
    getMaintenance: getMaintenance(deps),
    enableMaintenance: enableMaintenance(deps),
    disableMaintenance: disableMaintenance(deps),
    securityResources: securityResources(deps),
    updateRouteRole: updateRouteRole(deps),
    resetRouteRole: resetRouteRoleToDefault(deps),
    datasourceStatus: datasource,
    datasourceTest: datasource,
    shutdown: notEnabled("Shutdown"),
  };
}
