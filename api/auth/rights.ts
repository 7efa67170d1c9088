/**
 * Who may call which route (rs-order.md §10.4): the built-in role of each, or the one that an administrator of the tenant has put in its place.
 * Bounds hold whatever is stored: no route falls below its floor, and none rises above PROJECT_ADMIN, so nobody can lock everyone out.
 */
import { ROLES, type Role, roleAtLeast } from "#crds/files.ts";
import { type Access, OPERATIONS, type Operation, type OperationId } from "../operations.ts";

const CEILING: Role = "PROJECT_ADMIN";

/** The roles that an administrator may give the route; none where anyone may call it, or where it is the instance's. */
export function rolesToChoose(operation: Operation): readonly Role[] {
  const floor = operation.floor ?? operation.access;
  if (floor === "ANYONE") return [];
  return ROLES.filter((role) => roleAtLeast(role, floor) && roleAtLeast(CEILING, role));
}

/** What the route asks for, given what is stored. A role that may not be chosen counts as not stored. */
export function effectiveAccess(id: OperationId, stored: ReadonlyMap<string, string>): Access {
  const operation: Operation = OPERATIONS[id];
  return rolesToChoose(operation).find((role) => role === stored.get(id)) ?? operation.access;
}

export function mayCall(role: Role, id: OperationId, stored: ReadonlyMap<string, string>): boolean {
  const access = effectiveAccess(id, stored);
  return access === "ANYONE" || roleAtLeast(role, access);
}
