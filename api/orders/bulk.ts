/**
 * One action on many orders. Each is asked for as if it had come alone, by the same rules, and each has its own answer: one that is refused
 * does not keep the others from being done. Nothing is waited for: what was asked shows on the orders a moment later.
 */
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { ORDER_STATUSES } from "#crds/files.ts";
import { searchOrders } from "#store/orders.ts";
import type { Principal } from "../auth/principal.ts";
import type { Handler } from "../http/call.ts";
import { checkedBody } from "../http/check-body.ts";
import { HttpProblem } from "../http/problem.ts";
import { json, wrap } from "../http/respond.ts";
import { orderToManage } from "./access.ts";
import { type ActionDeps, ask } from "./actions.ts";
import { type ActionName, refusalOf, statusesAllowing } from "./state.ts";

const MOST = 500;
const AT_ONCE = 8;
const ACTIONS = ["pause", "resume", "retry", "cancel", "delete"] as const satisfies readonly ActionName[];

const literals = <const T extends readonly string[]>(values: T, description: string) =>
  Type.Union(
    values.map((value: T[number]) => Type.Literal(value)),
    { description },
  );

export const OrdersAction = Type.Object(
  {
    action: literals(ACTIONS, "What to do with each."),
    orderIds: Type.Optional(
      Type.Array(Type.Integer({ minimum: 1, maximum: 999_999_999_999_999 }), {
        minItems: 1,
        maxItems: MOST,
        description: "These orders.",
      }),
    ),
    filter: Type.Optional(
      Type.Object(
        {
          statuses: Type.Optional(
            Type.Array(literals(ORDER_STATUSES, "A status."), {
              minItems: 1,
              description: "Absent: all orders that allow the action.",
            }),
          ),
        },
        { additionalProperties: false, description: `The caller's own orders, the newest ${MOST}.` },
      ),
    ),
  },
  {
    $id: "OrdersAction",
    additionalProperties: false,
    description: "Either `orderIds` or `filter`.",
    examples: [{ action: "pause", orderIds: [7, 8] }],
  },
);
type OrdersAction = Readonly<Static<typeof OrdersAction>> & { readonly action: ActionName };

export type ActionResult = {
  readonly orderId: number;
  /** What the action on this order alone would have been answered. */
  readonly status: number;
  readonly messages: readonly string[];
};

const checker = TypeCompiler.Compile(OrdersAction);

/** 200 where all were asked, 207 where some were refused. */
export function actOnOrders(deps: ActionDeps): Handler {
  return async ({ body, principal }) => {
    const asked = checkedBody(checker, body) as OrdersAction;
    const { ids, remaining } = await wanted(deps, asked, principal);
    const results = await actOnEach(deps, { action: asked.action, ids, principal });
    const isWhole = results.every(({ status }) => status === 200);
    return json(isWhole ? 200 : 207, wrap({ action: asked.action, results, remaining }));
  };
}

async function wanted(deps: ActionDeps, asked: OrdersAction, principal: Principal) {
  const { orderIds, filter, action } = asked;
  if ((orderIds === undefined) === (filter === undefined)) {
    throw new HttpProblem(422, ["orderIds: expected either orderIds or filter"]);
  }
  if (orderIds) return { ids: [...new Set(orderIds)], remaining: 0 };
  const statuses = filter?.statuses ?? statusesAllowing(action);
  const { rows, total } = await searchOrders(deps.db, { owner: principal.email, statuses }, { page: 0, size: MOST });
  // Who names no statuses wants those that can be acted on.
  const chosen = filter?.statuses ? rows : rows.filter((row) => refusalOf(action, row) === undefined);
  return { ids: chosen.map(({ id }) => id), remaining: total - rows.length };
}

async function actOnEach(
  deps: ActionDeps,
  o: { readonly action: ActionName; readonly ids: readonly number[]; readonly principal: Principal },
): Promise<readonly ActionResult[]> {
  const results = new Map<number, ActionResult>();
  let away: HttpProblem | undefined;
  const left = o.ids.values();
  const work = async () => {
    for (const orderId of left) {
      const problem = away ?? (await problemOf(deps, { ...o, orderId }));
      // Kubernetes is away: each further try would wait for it as long as this one has.
      if (problem?.status === 503) away = problem;
      results.set(orderId, { orderId, status: problem?.status ?? 200, messages: problem?.messages ?? [] });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return o.ids.flatMap((id) => results.get(id) ?? []);
}

async function problemOf(
  deps: ActionDeps,
  o: { readonly action: ActionName; readonly orderId: number; readonly principal: Principal },
): Promise<HttpProblem | undefined> {
  try {
    const row = await orderToManage(deps.db, o.principal, o.orderId);
    const refusal = refusalOf(o.action, row);
    if (refusal !== undefined) return new HttpProblem(401, [refusal]);
    await ask(deps, o.action, row);
    return undefined;
  } catch (error) {
    if (error instanceof HttpProblem) return error;
    throw error;
  }
}
