/** Which routes of the REST interface an administrator has given another least role: stored, so that every server asks the same at once. */
import type { Db, Transaction } from "./db.ts";

/** By operation. What is not in it has its built-in role. */
export async function readRouteRoles(db: Db): Promise<ReadonlyMap<string, string>> {
  const rows = await db<{ operation: string; role: string }[]>`SELECT operation, role FROM route_roles`;
  return new Map(rows.map(({ operation, role }) => [operation, role]));
}

export async function writeRouteRole(db: Db | Transaction, operation: string, role: string): Promise<void> {
  await db`
    INSERT INTO route_roles (operation, role) VALUES (${operation}, ${role})
    ON CONFLICT (operation) DO UPDATE SET role = excluded.role`;
}

/** Stores many; with `reset` every other route goes back to its built-in role. */
export async function writeRouteRoles(
  sql: Transaction,
  roles: ReadonlyMap<string, string>,
  o: { readonly reset: boolean },
): Promise<void> {
  if (o.reset) await sql`DELETE FROM route_roles WHERE NOT operation = ANY(${[...roles.keys()]}::text[])`;
  for (const [operation, role] of roles) await writeRouteRole(sql, operation, role);
}

/** Back to the built-in role. */
export async function resetRouteRole(db: Db, operation: string): Promise<void> {
  await db`DELETE FROM route_roles WHERE operation = ${operation}`;
}
