/**
 * One file by the token of its order (F5, F6), or by the bearer of who may manage the order. The token must be that of the file's own order:
 * it opens no other order, not even of the same owner.
 */
import { findFile } from "#store/files.ts";
import { findOrder, type OrderRow } from "#store/orders.ts";
import { type OrderClaims, type OrderTokenKey, opens, verifyOrderToken } from "../auth/order-tokens.ts";
import { mayManage, type Principal } from "../auth/principal.ts";
import { type Call, type Handler, idParam } from "../http/call.ts";
import { HttpProblem } from "../http/problem.ts";
import { refuseGivenBack } from "../orders/access.ts";
import { type DownloadFileDeps, sendFile } from "./download-file.ts";

export type PublicFileDeps = DownloadFileDeps & { readonly orderTokens: OrderTokenKey };

export function downloadPublicFile(deps: PublicFileDeps): Handler {
  return async (call) => {
    const claims = await claimsOf(deps, call);
    const id = idParam(call, "dataFileId");
    const file = await findFile(deps.db, id);
    const orderId = file?.orderId ?? claims?.orderId;
    const order = orderId === undefined ? undefined : await findOrder(deps.db, orderId);
    const email = order && downloader(call.principal, order, claims);
    if (file && email === undefined) throw new HttpProblem(403, []);
    if (order && email !== undefined) refuseGivenBack(order);
    if (!file || email === undefined) throw new HttpProblem(404, [`Data file with id: ${id} doesn't exist.`]);
    return sendFile(deps, call, { file, email });
  };
}

/** Whose quota the download costs: that of the caller, or of the order's owner, on whose behalf the token is held. Undefined: nobody may. */
function downloader(principal: Principal, order: OrderRow, claims: OrderClaims | undefined): string | undefined {
  if (mayManage(principal, order.owner)) return principal.email;
  return claims && opens(claims, order) ? order.owner : undefined;
}

/** Absent only where a bearer takes its place. */
async function claimsOf(deps: PublicFileDeps, call: Call): Promise<OrderClaims | undefined> {
  const token = call.query.get("orderToken");
  if (token) return verifyOrderToken(deps.orderTokens, token, deps.now());
  if (call.principal.role === "PUBLIC") throw new HttpProblem(401, ["orderToken: missing"]);
  return undefined;
}
