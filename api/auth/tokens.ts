/**
 * Bearer tokens as REGARDS makes them: HS512 with a secret shared by the platform, the tenant, role and e-mail as claims.
 * One algorithm is accepted, whatever the token's header says. Those made here name their maker, so that they end with their user's row.
 */
import { type JWTPayload, jwtVerify, SignJWT } from "jose";
import type { Role } from "#crds/files.ts";

const ALGORITHM = "HS512";
const MIN_SECRET_BYTES = 32;
/** `iss` of the tokens of our own token endpoint. */
export const OWN_ISSUER = "regards-order";

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
    .setIssuer(OWN_ISSUER)
    .setSubject(o.email)
    .setExpirationTime(o.expires)
    .sign(key.key);
}

export type Verification = {
  readonly currentDate: Date;
  readonly clockTolerance: number;
  readonly requiredClaims: string[];
};

/** The claims, once signature and times are good; throws as `jose` does. */
export async function verifyShared(key: TokenKey, token: string, o: Verification): Promise<JWTPayload> {
  return (await jwtVerify(token, key.key, { ...o, algorithms: [ALGORITHM] })).payload;
}
