/**
 * Whose token it is. The issuer that it names decides how it is checked, and each way has its own key and its own algorithms: a token can
 * choose between those that the administrator trusts and nothing else, so none passes for another's.
 */
import { decodeJwt, jwtVerify } from "jose";
import { JWTExpired } from "jose/errors";
import type { Logger } from "pino";
import { type Claims, issuerClaims, platformClaims } from "./claims.ts";
import { IssuerAway, issuerKeys } from "./issuer-keys.ts";
import type { Issuer } from "./issuers.ts";
import { OWN_ISSUER, type TokenKey, verifyShared } from "./tokens.ts";

/** What the clocks of those who make tokens and of us may differ by. */
const SKEW_SECONDS = 30;

export type Verified =
  | {
      readonly kind: "valid";
      readonly claims: Claims;
      /** Made by our own token endpoint: worth nothing once its user is gone. */
      readonly own: boolean;
      readonly defaultRole?: Issuer["defaultRole"];
    }
  | { readonly kind: "expired" | "invalid" }
  | { readonly kind: "away"; readonly issuer: string };

export type TokenVerifier = (token: string) => Promise<Verified>;

export function tokenVerifier(
  key: TokenKey,
  o: { readonly issuers: readonly Issuer[]; readonly now: () => Date; readonly logger: Logger },
): TokenVerifier {
  const trusted = new Map(o.issuers.map((issuer) => [issuer.issuer, { issuer, keys: issuerKeys(issuer, o) }]));
  const options = (required: readonly string[]) => ({
    currentDate: o.now(),
    clockTolerance: SKEW_SECONDS,
    requiredClaims: [...required],
  });

  async function claimsOf(token: string): Promise<Verified> {
    const named = decodeJwt(token).iss;
    const known = named === undefined ? undefined : trusted.get(named);
    if (!known) {
      const payload = await verifyShared(key, token, options(["exp", "sub"]));
      return ours(platformClaims(payload), { own: payload.iss === OWN_ISSUER });
    }
    const { issuer, audience, algorithms, defaultRole } = known.issuer;
    const checks = { ...options(["exp"]), issuer, audience, algorithms: [...algorithms] };
    const { payload } = await jwtVerify(token, known.keys, checks);
    return ours(issuerClaims(payload, known.issuer), { own: false, defaultRole });
  }

  function ours(claims: Claims | undefined, about: { own: boolean; defaultRole?: Issuer["defaultRole"] }): Verified {
    return claims?.tenant === key.tenant ? { kind: "valid", claims, ...about } : { kind: "invalid" };
  }

  return async (token) => {
    try {
      return await claimsOf(token);
    } catch (error) {
      if (error instanceof IssuerAway) return { kind: "away", issuer: error.message };
      return { kind: error instanceof JWTExpired ? "expired" : "invalid" };
    }
  };
}
