/**
 * Tokens that open the files of one order to whoever holds them (rs-order.md §6.4): for download managers and mails. Their subject is the
 * order's owner, whoever had them made, and they end with the order. Their key is derived from the platform's secret, so that none of them
 * can pass for a user's token, nor for one of another tenant.
 */
import { hkdfSync } from "node:crypto";
import { jwtVerify, SignJWT } from "jose";
import { JWTExpired } from "jose/errors";
import type { OrderRow } from "#store/orders.ts";
import { HttpProblem } from "../http/problem.ts";

const ALGORITHM = "HS256";
const KEY_BYTES = 32;
const HOUR_MS = 3_600_000;

export type OrderTokenKey = { readonly tenant: string; readonly key: Uint8Array };

/** What a token opens. */
export type OrderClaims = { readonly orderId: number; readonly owner: string };

export function orderTokenKey(tenant: string, secret: string): OrderTokenKey {
  return { tenant, key: new Uint8Array(hkdfSync("sha256", secret, "", `public orders of ${tenant}`, KEY_BYTES)) };
}

/** The same order and end give the same token. */
export function issueOrderToken(
  key: OrderTokenKey,
  order: OrderRow,
  o: { readonly maxHours: number },
): Promise<string> {
  // An order whose end is not settled yet lives at most that long.
  const expires = order.expirationTime ?? new Date(order.createdAt.getTime() + o.maxHours * HOUR_MS);
  return new SignJWT({ tenant: key.tenant, role: "PUBLIC", email: order.owner, ORDER_ID: `${order.id}` })
    .setProtectedHeader({ alg: ALGORITHM })
    .setSubject(order.owner)
    .setExpirationTime(expires)
    .sign(key.key);
}

/** What the token opens; 401 where it is not ours, of another tenant, or over. */
export async function verifyOrderToken(key: OrderTokenKey, token: string, now: Date): Promise<OrderClaims> {
  try {
    const { payload } = await jwtVerify(token, key.key, {
      algorithms: [ALGORITHM],
      currentDate: now,
      requiredClaims: ["exp", "sub"],
    });
    const id = payload["ORDER_ID"];
    if (payload["tenant"] === key.tenant && payload.sub && typeof id === "string" && /^\d{1,15}$/.test(id)) {
      return { orderId: Number(id), owner: payload.sub };
    }
  } catch (error) {
    if (error instanceof JWTExpired) throw new HttpProblem(401, ["orderToken: expired, as its order is"]);
  }
  throw new HttpProblem(401, ["orderToken: invalid"]);
}

/** Whether these claims are of this very order: its number alone is not enough, nor is its owner. */
export function opens(claims: OrderClaims, order: OrderRow): boolean {
  return claims.orderId === order.id && claims.owner === order.owner;
}
