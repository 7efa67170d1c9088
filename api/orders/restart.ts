/**
 * Orders once more what an order has ordered (O8): a new order of the same selections, of the same owner, whoever asks. Products that have
 * entered the catalogue since the first order are not in it, so it is the same again.
 */
import { type InsertOrder, insertOrder, type OrderRow } from "#store/orders.ts";
import { readSettings } from "#store/settings.ts";
import { findUser } from "#store/users.ts";
import type { Principal } from "../auth/principal.ts";
import { type Handler, idParam } from "../http/call.ts";
import { HttpProblem } from "../http/problem.ts";
import { refuseProcesses } from "../processes/refuse.ts";
import { orderToManage } from "./access.ts";
import { userHours } from "./from-basket.ts";
import { labelTaken, parseLabelRequest } from "./label.ts";
import { type MadeDeps, made } from "./made.ts";
import { refuseOverQuota } from "./quota.ts";
import { repeated, requestKey } from "./repeat.ts";
import { newSpec } from "./spec.ts";
import { refusalOf } from "./state.ts";

type OwnerAccess = Pick<InsertOrder, "role" | "groups">;

export function restartOrder(deps: MadeDeps): Handler {
  return async (call) => {
    const start = deps.now();
    const row = await orderToManage(deps.db, call.principal, idParam(call, "orderId"));
    const key = requestKey(call);
    const before = await repeated(deps.db, row.owner, key);
    if (before) return made(deps, before, { call, start });
    const refusal = refusalOf("restart", row);
    if (refusal !== undefined) throw new HttpProblem(401, [refusal]);
    const { label, onSuccessUrl } = parseLabelRequest(call.body);
    const { owner } = row;
    const selections = selectionsAgain(row);
    const access = await ownerAccess(deps, call.principal, row);
    const asked = { selections, access: { ...access, email: owner } };
    await refuseProcesses(deps, asked);
    await refuseOverQuota(deps, asked);
    const inserted = await insertOrder(deps.db, {
      owner,
      spec: newSpec({
        owner,
        label,
        selections,
        sizeLimitBytes: row.spec.sizeLimitBytes,
        availabilitySeconds: userHours(await readSettings(deps.db)) * 3600,
      }),
      ...access,
      channel: "rest",
      now: deps.now(),
      ...key,
      ...(onSuccessUrl !== undefined && { onSuccessUrl }),
    });
    if (inserted.kind === "created") return made(deps, inserted.row, { call, start });
    // The same request may have come twice at once.
    const meanwhile = await repeated(deps.db, owner, key);
    if (meanwhile) return made(deps, meanwhile, { call, start });
    throw labelTaken();
  };
}

function selectionsAgain({ spec, createdAt }: OrderRow) {
  return spec.selections.map((selection) => ({ ...selection, before: selection.before ?? createdAt.toISOString() }));
}

/**
 * The catalogue is searched as the owner, also where an administrator asks; an owner who may not order any more gets no order.
 * An owner whom only a token made known has the rights of the first order.
 */
async function ownerAccess(deps: MadeDeps, { email, role, groups }: Principal, row: OrderRow): Promise<OwnerAccess> {
  if (email === row.owner) return { role, groups };
  const user = (await findUser(deps.db, row.owner)) ?? { ...row, active: true };
  if (!user.active) throw new HttpProblem(403, [`Cannot restart the order: user '${row.owner}' is not active`]);
  return { role: user.role, groups: user.groups };
}
