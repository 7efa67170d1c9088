/** Which routes of the REST interface an administrator has given another least role: stored, so that every server asks the same at once. */
import type { Db } from "./db.ts";

/** By operation. What is not in it has its built-in role. */
export async function readRouteRoles(db: Db): Promise<ReadonlyMap<string, string>> {
  const rows = await db<{ operation: string; role: string }[]>`SELECT operation, role FROM route_roles`;
  return new Map(rows.map(({ operation, role }) => [operation, role]));
}

export async function writeRouteRole(db: Db, operation: string, role: string): Promise<void> {
  await db`
    INSERT INTO route_roles (operation, role) VALUES (${operation}, ${role})
    ON CONFLICT (operation) DO UPDATE SET role = excluded.role`;
}

/** Back to the built-in role. */
export async function resetRouteRole(db: Db, operation: string): Promise<void> {
  await db`DELETE FROM route_roles WHERE operation = ${operation}`;
}
