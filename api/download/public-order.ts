/** The archive of an order by its token, for links in mails: as its owner would get it, at the cost of the owner's quotas. */
import type { Handler } from "../http/call.ts";
import { orderByToken, type TokenDeps } from "../orders/access.ts";

/** `archive` is the download of a named order. */
export function downloadPublicOrder(deps: TokenDeps, archive: Handler): Handler {
  return async (call) => {
    const order = await orderByToken(deps, call);
    const principal = { email: order.owner, role: "REGISTERED_USER", groups: [] } as const;
    return archive({ ...call, principal, params: { orderId: `${order.id}` } });
  };
}
