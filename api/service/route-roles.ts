/** G4 and what it shows: the routes with the least role that may call each, and an administrator's change of one. */
import type { Logger } from "pino";
import type { Role } from "#crds/files.ts";
import type { Db } from "#store/db.ts";
import { readRouteRoles, resetRouteRole, writeRouteRole } from "#store/route-roles.ts";
import { effectiveAccess, rolesToChoose } from "../auth/rights.ts";
import type { Call, Handler } from "../http/call.ts";
import { DOCUMENTATION } from "../http/documentation.ts";
import { HttpProblem } from "../http/problem.ts";
import { json } from "../http/respond.ts";
import { type Route, routeTable } from "../http/route-table.ts";

export type RouteRoleDeps = { readonly db: Db; readonly logger: Logger };

const ROUTES = routeTable("").routes.filter(({ operation }) => operation.at !== "root");

/** G4. */
export function securityResources({ db }: RouteRoleDeps): Handler {
  return async () => {
    const stored = await readRouteRoles(db);
    return json(
      200,
      ROUTES.map((route) => shown(route, stored)),
    );
  };
}

/** In effect for every request that comes after the answer, on every server. */
export function updateRouteRole({ db, logger }: RouteRoleDeps): Handler {
  return async (call) => {
    const route = routeOf(call);
    const role = chosen(call.body, rolesToChoose(route.operation));
    await writeRouteRole(db, route.id, role);
    logger.warn({ operation: route.id, role, user: call.principal.email }, "the role of a route was changed");
    return json(200, shown(route, await readRouteRoles(db)));
  };
}

export function resetRouteRoleToDefault({ db, logger }: RouteRoleDeps): Handler {
  return async (call) => {
    const route = routeOf(call);
    await resetRouteRole(db, route.id);
    logger.warn({ operation: route.id, user: call.principal.email }, "the role of a route was put back");
    return json(200, shown(route, await readRouteRoles(db)));
  };
}

/** The routes whose role is another than the built-in one. */
export function changedRoutes(stored: ReadonlyMap<string, string>) {
  return ROUTES.map((route) => ({ ...route, role: effectiveAccess(route.id, stored) })).filter(
    ({ operation, role }) => role !== operation.access,
  );
}

/** Why the route cannot be given this role. */
export function roleProblem(id: string, role: unknown): string | undefined {
  const route = routeNamed(id);
  if (!route) return unknownRoute(id);
  const roles = rolesToChoose(route.operation);
  return roles.some((candidate) => candidate === role) ? undefined : `${id}: ${expectation(roles)}`;
}

function routeOf({ params }: Call): Route {
  const id = params["operation"] ?? "";
  const route = routeNamed(id);
  if (!route) throw new HttpProblem(404, [unknownRoute(id)]);
  return route;
}

const routeNamed = (id: string) => ROUTES.find((candidate) => candidate.id === id);
const unknownRoute = (id: string) => `Cannot find operation '${id.slice(0, 64)}'`;

function chosen(body: unknown, roles: readonly Role[]): Role {
  const wanted: unknown = typeof body === "object" && body !== null ? Reflect.get(body, "role") : undefined;
  const role = roles.find((candidate) => candidate === wanted);
  if (role) return role;
  throw new HttpProblem(422, [`role: ${expectation(roles)}`]);
}

function expectation(roles: readonly Role[]): string {
  return roles.length > 0 ? `expected one of ${roles.join(", ")}` : "this route's cannot be changed";
}

function shown({ id, operation, path }: Route, stored: ReadonlyMap<string, string>) {
  return {
    microservice: "rs-order",
    resource: path.replaceAll(/:(\w+)/g, "{$1}"),
    verb: operation.method,
    operation: id,
    role: effectiveAccess(id, stored),
    defaultRole: operation.access,
    rolesToChoose: rolesToChoose(operation),
    description: DOCUMENTATION[id].summary,
  };
}
