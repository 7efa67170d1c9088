/**
 * Bearer tokens as REGARDS makes them: HS512 with a secret shared by the platform, the tenant, role and e-mail as claims.
 * One algorithm is accepted, whatever the token's header says.
 */
import { jwtVerify, SignJWT } from "jose";
import { JWTExpired } from "jose/errors";
import { ROLES, type Role } from "#crds/files.ts";

const ALGORITHM = "HS512";
const MIN_SECRET_BYTES = 32;

export type TokenClaims = {
  readonly tenant: string;
  readonly role: Role;
  readonly email: string;
};

export type TokenKey = { readonly tenant: string; readonly key: Uint8Array };

/** Takes the secret for one tenant; refuses one that can be guessed. */
export function tokenKey(tenant: string, secret: string): TokenKey {
  const key = new TextEncoder().encode(secret);
  if (key.length < MIN_SECRET_BYTES) {
    throw new Error(`Cannot use the token secret: expected at least ${MIN_SECRET_BYTES} bytes, got ${key.length}`);
  }
  return { tenant, key };
}

export function issueToken(
  key: TokenKey,
  o: { readonly email: string; readonly role: Role; readonly expires: Date },
): Promise<string> {
  return new SignJWT({ tenant: key.tenant, role: o.role, email: o.email })
    .setProtectedHeader({ alg: ALGORITHM })
    .setSubject(o.email)
    .setExpirationTime(o.expires)
    .sign(key.key);
}

export type VerifiedToken =
  | { readonly kind: "valid"; readonly claims: TokenClaims }
  | { readonly kind: "expired" }
  | { readonly kind: "invalid" };

/** Checks signature, expiry, tenant and shape. */
export async function verifyToken(key: TokenKey, token: string, now: Date): Promise<VerifiedToken> {
  try {
    const { payload } = await jwtVerify(token, key.key, {
      algorithms: [ALGORITHM],
      currentDate: now,
      requiredClaims: ["exp", "sub"],
    });
    const role = ROLES.find((known) => known === payload["role"]);
    if (payload["tenant"] !== key.tenant || !role || !payload.sub) return { kind: "invalid" };
    return { kind: "valid", claims: { tenant: key.tenant, role, email: payload.sub } };
  } catch (error) {
    return { kind: error instanceof JWTExpired ? "expired" : "invalid" };
  }
}
