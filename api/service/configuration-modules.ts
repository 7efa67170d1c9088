/**
 * What a configuration consists of, in the contract's form of modules with items: the settings, under the name that the contract's service gives
 * its own, and beside them the roles of routes, which that service leaves to another and therefore does not look at here.
 */
import type { Db, Transaction } from "#store/db.ts";
import { readRouteRoles, writeRouteRoles } from "#store/route-roles.ts";
import { checkSetting, readSettings, SETTING_NAMES, SETTINGS, SettingError, writeSettings } from "#store/settings.ts";
import { DOCUMENTATION } from "../http/documentation.ts";
import { changedRoutes, roleProblem } from "./route-roles.ts";

export type Item = {
  readonly name: string;
  readonly description: string | undefined;
  readonly value: unknown;
  readonly defaultValue: unknown;
  readonly className: string;
};

export type ConfigurationModule = {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  /** Kind of its items. */
  readonly key: string;
  items(db: Db): Promise<readonly Item[]>;
  /** Why there can be no such item, or not with this value. */
  problem(name: string, value: unknown): string | undefined;
  /** Stores values that were checked; with `reset` everything else goes back to its default. */
  write(sql: Transaction, values: ReadonlyMap<string, unknown>, o: { readonly reset: boolean }): Promise<void>;
};

const SETTINGS_MODULE: ConfigurationModule = {
  id: "order",
  name: "Order module",
  description: "Handle users products orders",
  key: "fr.cnes.regards.framework.modules.tenant.settings.domain.DynamicTenantSetting",
  async items(db) {
    const settings = await readSettings(db);
    return SETTING_NAMES.map((name) => {
      const { description, default: defaultValue } = SETTINGS[name];
      return { name, description, value: settings[name], defaultValue, className: className(name, defaultValue) };
    });
  },
  problem(name, value) {
    try {
      checkSetting(name, value);
      return undefined;
    } catch (error) {
      if (error instanceof SettingError) return error.message;
      throw error;
    }
  },
  write: writeSettings,
};

const ROUTES_MODULE: ConfigurationModule = {
  id: "order-security",
  name: "Roles of routes",
  description: "Routes that ask for another role than by default",
  key: "RouteRole",
  async items(db) {
    return changedRoutes(await readRouteRoles(db)).map(({ id, operation, role }) => ({
      name: id,
      description: DOCUMENTATION[id].summary,
      value: role,
      defaultValue: operation.access,
      className: "java.lang.String",
    }));
  },
  problem: roleProblem,
  write: (sql, values, o) => writeRouteRoles(sql, new Map([...values].map(([id, role]) => [id, String(role)])), o),
};

export const CONFIGURATION_MODULES: readonly ConfigurationModule[] = [SETTINGS_MODULE, ROUTES_MODULE];

/** The Java class that the contract's own tools expect of such a value. */
function className(name: string, value: unknown): string {
  if (name === "user_order_parameters") return "fr.cnes.regards.modules.order.service.settings.UserOrderParameters";
  if (typeof value === "number") return value > 2 ** 31 - 1 ? "java.lang.Long" : "java.lang.Integer";
  if (typeof value === "boolean") return "java.lang.Boolean";
  if (typeof value === "string") return "java.lang.String";
  return Array.isArray(value) ? "java.util.List" : "java.util.Map";
}
