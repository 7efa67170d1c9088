/**
 * Gives an order another expiration, sooner or later, within the tenant's maximum from now. What is asked is a wish in the resource's spec; what
 * holds is told by the operator, so the answer shows the order once that is so, and says 202 when it takes longer.
 */
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { datasetsOf } from "#store/files.ts";
import type { OrderRow } from "#store/orders.ts";
import { readSettings } from "#store/settings.ts";
import { type Handler, idParam } from "../http/call.ts";
import { checkedBody } from "../http/check-body.ts";
import { HttpProblem } from "../http/problem.ts";
import { json, wrap } from "../http/respond.ts";
import { orderToManage, refuseGivenBack } from "./access.ts";
import { type ActionDeps, untilVisible, wish } from "./actions.ts";
import { orderDto, orderLinks } from "./dto.ts";

const DATE_FAULT = "expirationDate: expected a time such as 2026-11-27T10:00:00Z";

export const OrderChange = Type.Object(
  {
    expirationDate: Type.String({
      format: "date-time",
      description: "When the files are given back; at most the tenant's maximum from now.",
    }),
  },
  { $id: "OrderChange", additionalProperties: false, examples: [{ expirationDate: "2026-11-27T10:00:00Z" }] },
);

const checker = TypeCompiler.Compile(
  Type.Object(
    {
      expirationDate: Type.String({
        pattern: "^\\d{4}-\\d{2}-\\d{2}[Tt]\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?([Zz]|[+-]\\d{2}:\\d{2})$",
        fault: DATE_FAULT,
      }),
    },
    { additionalProperties: false },
  ),
);
type Change = Static<typeof OrderChange>;

/** Clocks of clients are forgiven that much beyond the maximum. */
const CLOCK_SKEW_MS = 60_000;
const HOUR_MS = 3_600_000;

export function changeOrder(deps: ActionDeps & { readonly base: string }): Handler {
  return async (call) => {
    const row = await orderToManage(deps.db, call.principal, idParam(call, "orderId"));
    refuseGivenBack(row);
    const { expiration_max_duration_in_hours: maxHours } = await readSettings(deps.db);
    const asked = wantedExpiration(checkedBody(checker, call.body) as Change, { now: deps.now(), maxHours });
    const change = { expirationTime: asked.toISOString() };
    if (!(await wish(deps, row, { verb: "extend", change }))) {
      throw new HttpProblem(409, [`Cannot extend order ${row.id}: its resource is gone`]);
    }
    const isJudged = (now: OrderRow) => now.expirationAsked?.getTime() === asked.getTime();
    const changed = await untilVisible(deps.db, row.id, isJudged);
    const shown = changed ?? row;
    const content = orderDto(shown, await datasetsOf(deps.db, row.id));
    const links = orderLinks(shown, { base: deps.base, reader: call });
    return json(changed ? 200 : 202, wrap(content, links));
  };
}

function wantedExpiration(change: Change, o: { readonly now: Date; readonly maxHours: number }): Date {
  const asked = new Date(change.expirationDate);
  if (Number.isNaN(asked.getTime())) throw new HttpProblem(422, [DATE_FAULT]);
  if (asked.getTime() <= o.now.getTime()) {
    throw new HttpProblem(422, [`expirationDate: expected a time to come, got ${asked.toISOString()}`]);
  }
  const latest = new Date(o.now.getTime() + o.maxHours * HOUR_MS);
  if (asked.getTime() > latest.getTime() + CLOCK_SKEW_MS) {
    const limit = `expected at most ${latest.toISOString()}, ${o.maxHours} hours from now`;
    throw new HttpProblem(422, [`expirationDate: ${limit}, got ${asked.toISOString()}`]);
  }
  return asked.getTime() > latest.getTime() ? latest : asked;
}
