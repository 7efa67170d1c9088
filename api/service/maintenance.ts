/**
 * Maintenance of the tenant (G3). While it lasts, whatever would change something is refused with 515 and a word; reading goes on, so users
 * still fetch what they have. Only the switching-off is let through.
 */
import type { Db } from "#store/db.ts";
import { readMaintenance, switchMaintenance } from "#store/maintenance.ts";
import type { Call, Handler } from "../http/call.ts";
import { HttpProblem } from "../http/problem.ts";
import { json, respond, wrap } from "../http/respond.ts";
import type { OperationId } from "../operations.ts";

export type MaintenanceDeps = { readonly db: Db; readonly tenant: string; readonly now: () => Date };

const STATUS = 515;
const MAX_MESSAGE = 500;

/** Refuses a request that would change something during maintenance. Asked once the caller is known, so strangers cost no query. */
export async function refuseInMaintenance(
  deps: { readonly db: Db; readonly tenant: string },
  o: { readonly method: string; readonly operation: OperationId },
): Promise<void> {
  if (o.method === "GET" || o.method === "HEAD" || o.operation === "disableMaintenance") return;
  const { active, message } = await readMaintenance(deps.db);
  if (!active) return;
  throw new HttpProblem(STATUS, [`Tenant ${deps.tenant} in maintenance!`, ...(message ? [message] : [])]);
}

export function getMaintenance(deps: MaintenanceDeps): Handler {
  return async () => {
    const { active, message, updatedAt } = await readMaintenance(deps.db);
    const info = { active, ...(updatedAt && { lastUpdate: updatedAt.toISOString() }), ...(message && { message }) };
    return json(200, wrap({ [deps.tenant]: info }));
  };
}

/** An optional `message` in the body is told to users. */
export function enableMaintenance(deps: MaintenanceDeps): Handler {
  return async (call) => {
    checkTenant(deps, call);
    const { body } = call;
    const message: unknown = typeof body === "object" && body !== null ? Reflect.get(body, "message") : undefined;
    if (message !== undefined && (typeof message !== "string" || message.length > MAX_MESSAGE)) {
      throw new HttpProblem(422, [`message: expected a text of at most ${MAX_MESSAGE} characters`]);
    }
    await switchMaintenance(deps.db, { active: true, ...(message && { message }), now: deps.now() });
    return respond(200, null);
  };
}

export function disableMaintenance(deps: MaintenanceDeps): Handler {
  return async (call) => {
    checkTenant(deps, call);
    await switchMaintenance(deps.db, { active: false, now: deps.now() });
    return respond(200, null);
  };
}

function checkTenant(deps: MaintenanceDeps, { params }: Call): void {
  const tenant = params["tenant"] ?? "";
  if (tenant !== deps.tenant) throw new HttpProblem(404, [`No such tenant: '${tenant.slice(0, 64)}'`]);
}
