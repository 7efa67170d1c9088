/** Orders the caller's basket (O1; for an application O14). Each selection of the basket is one of the order, with the filter or process of its dataset. */
import type { Selection } from "#crds/order.ts";
import { type Basket, findBasket, orderBasket } from "#store/baskets.ts";
import { readSettings, type Settings } from "#store/settings.ts";
import { orderSelections } from "../baskets/selections.ts";
import type { Handler } from "../http/call.ts";
import { respond } from "../http/respond.ts";
import { refuseProcesses } from "../processes/refuse.ts";
import { labelTaken, parseLabelRequest } from "./label.ts";
import { type MadeDeps, made } from "./made.ts";
import { refuseOverQuota } from "./quota.ts";
import { repeated, requestKey } from "./repeat.ts";
import { newSpec } from "./spec.ts";

/** Whose files stay how long: a person comes back later, an application fetches at once. */
export type Duration = (settings: Settings) => number;
export const userHours: Duration = (settings) => settings.user_order_parameters.subOrderDuration;
export const applicationHours: Duration = (settings) => settings.app_sub_order_duration;

export function orderFromBasket(deps: MadeDeps, hours: Duration): Handler {
  return async (call) => {
    const start = deps.now();
    const { principal, body } = call;
    const { label, onSuccessUrl } = parseLabelRequest(body);
    const availabilitySeconds = hours(await readSettings(deps.db)) * 3600;
    const owner = principal.email;
    const key = requestKey(call);
    const before = await repeated(deps.db, owner, key);
    if (before) return made(deps, before, { call, start });
    // What comes into the basket between this look and the order is stopped when it is downloaded.
    const basket = await findBasket(deps.db, owner);
    if (basket) {
      const asked = { selections: selectionsOf(basket), access: principal };
      await refuseProcesses(deps, asked);
      await refuseOverQuota(deps, asked);
    }
    const inserted = await orderBasket(deps.db, owner, (basket) => ({
      owner,
      spec: newSpec({ owner, label, selections: selectionsOf(basket), availabilitySeconds }),
      role: principal.role,
      groups: principal.groups,
      channel: "rest",
      now: deps.now(),
      ...key,
      ...(onSuccessUrl !== undefined && { onSuccessUrl }),
    }));
    if (inserted.kind === "created") return made(deps, inserted.row, { call, start });
    // The same request may have come twice at once: the other one took the basket.
    const meanwhile = await repeated(deps.db, owner, key);
    if (meanwhile) return made(deps, meanwhile, { call, start });
    if (inserted.kind === "noBasket") return respond(204, null);
    throw labelTaken();
  };
}

/** Of a basket from which everything was taken out: an order of nothing, as in the contract (its creation cannot fail). */
const NOTHING: Selection = { includeIds: [] };

function selectionsOf({ datasets }: Basket): readonly Selection[] {
  const selections = orderSelections(datasets);
  return selections.length > 0 ? selections : [NOTHING];
}
