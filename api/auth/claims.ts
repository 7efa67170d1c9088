/** What a token says of its bearer. Pure: from the claims of a verified token, by the names that its issuer gives them. */
import type { JWTPayload } from "jose";
import { ROLES, type Role } from "#crds/files.ts";
import { LIMITS } from "#crds/order.ts";
import { isStorable } from "#store/storable.ts";
import type { Issuer } from "./issuers.ts";

export type Claims = {
  readonly tenant: string;
  readonly email: string;
  /** A role of ours, or the name of one that the tenant's settings know. Absent: our table or the issuer's default decides. */
  readonly role?: string;
  readonly groups: readonly string[];
};

/** Of a REGARDS token (rs-order.md §10.1); undefined where one of them is missing. */
export function platformClaims(payload: JWTPayload): Claims | undefined {
  const { tenant, role } = payload;
  if (typeof tenant !== "string" || typeof role !== "string" || !isEmail(payload.sub)) return undefined;
  return { tenant, email: payload.sub, role, groups: texts(payload["accessGroups"]) };
}

/** Of a token of that issuer. An address that the issuer says it has not verified is nobody's. */
export function issuerClaims(payload: JWTPayload, issuer: Issuer): Claims | undefined {
  const claim = (name: keyof Issuer["claims"]) => at(payload, issuer.claims[name]);
  const email = claim("email");
  const tenant = issuer.tenant ?? claim("tenant");
  if (typeof tenant !== "string" || !isEmail(email) || payload["email_verified"] === false) return undefined;
  const role = highest(texts(claim("role")).flatMap((name) => roleOf(name, issuer.roles)));
  return { tenant, email, groups: texts(claim("groups")), ...(role && { role }) };
}

function roleOf(name: string, roles: Issuer["roles"]): readonly Role[] {
  const role = Object.hasOwn(roles, name) ? roles[name] : ROLES.find((known) => known === name);
  return role ? [role] : [];
}

function highest(roles: readonly Role[]): Role | undefined {
  return [...roles].sort((a, b) => ROLES.indexOf(b) - ROLES.indexOf(a))[0];
}

/** The claim of that name, or else at that path: some names of claims are addresses, with dots in them. */
function at(payload: JWTPayload, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name];
  return name.split(".").reduce<unknown>((value, key) => {
    return typeof value === "object" && value !== null && Object.hasOwn(value, key)
      ? Reflect.get(value, key)
      : undefined;
  }, payload);
}

function texts(value: unknown): readonly string[] {
  return [value].flat().filter((one): one is string => typeof one === "string" && one !== "" && isStorable(one));
}

function isEmail(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= LIMITS.ownerLength && !/\p{Cc}/u.test(value);
}
