/**
 * From a request to its caller. The token is only half of it: the row of a user that we know has the last word, so that a user who was made
 * inactive or lowered in rank is refused at once and not when the token expires. A user that we do not know is who the platform or the issuer
 * says, with the role and groups of the token; only a token made here needs a row. Texts are those of the contract's filters.
 */
import { ROLES, type Role, roleAtLeast } from "#crds/files.ts";
import type { Db } from "#store/db.ts";
import { readSettings } from "#store/settings.ts";
import { findUser } from "#store/users.ts";
import { HttpProblem } from "../http/problem.ts";
import type { Access } from "../operations.ts";
import { type Principal, PUBLIC_USER } from "./principal.ts";
import type { TokenVerifier, Verified } from "./verify.ts";

export type AuthDeps = { readonly db: Db; readonly tenant: string; readonly verify: TokenVerifier };

/** The caller, or a 401. Without a token it is the public user of the tenant that `scope` names. */
export async function authenticate(deps: AuthDeps, request: Request): Promise<Principal> {
  const url = new URL(request.url);
  const where = `${url.pathname}@${request.method}`;
  const token = bearer(request, url, where);
  if (token === undefined) return publicUser(deps, request, { url, where });
  const verified = await deps.verify(token);
  switch (verified.kind) {
    case "valid":
      return await principalOf(deps, verified, where);
    case "expired":
      throw unauthorized(`[REGARDS JWT FILTER] Expired authentication token on ${where}`);
    case "invalid":
      throw unauthorized(`[REGARDS JWT FILTER] Invalid authentication token on ${where}`);
    case "away":
      throw new HttpProblem(503, [`Cannot check the token: its issuer '${verified.issuer}' gives no keys now`], {
        "retry-after": "10",
      });
    default:
      return verified satisfies never;
  }
}

/** The role that the token names, or the user's own where it names none; never more than the user's row allows. */
async function principalOf(
  { db }: AuthDeps,
  { claims, own, defaultRole }: Extract<Verified, { kind: "valid" }>,
  where: string,
): Promise<Principal> {
  const { email } = claims;
  const user = await findUser(db, email);
  if (user ? !user.active : own) {
    throw unauthorized(`[REGARDS JWT FILTER] Unknown or inactive user '${email}' on ${where}`);
  }
  const role =
    claims.role === undefined ? (user?.role ?? defaultRole ?? "REGISTERED_USER") : await builtIn(db, claims.role);
  if (!role) throw unauthorized(`[REGARDS JWT FILTER] Invalid authentication token on ${where}`);
  if (user && !roleAtLeast(user.role, role)) {
    throw unauthorized(
      `[REGARDS JWT FILTER] Invalid authentication token on ${where}: role '${role}' is not the user's any more`,
    );
  }
  return { email, role, groups: user?.groups ?? claims.groups };
}

/** The built-in role of that name, or the one that a role of the platform's stands for here (rs-order.md §10.3). */
async function builtIn(db: Db, name: string): Promise<Role | undefined> {
  const known = ROLES.find((role) => role === name);
  if (known) return known;
  const custom = (await readSettings(db)).custom_roles;
  return Object.hasOwn(custom, name) ? custom[name] : undefined;
}

/** 403 where the caller's role is too low. */
export function authorize(principal: Principal, needed: Access): void {
  if (needed !== "ANYONE" && !roleAtLeast(principal.role, needed)) {
    throw new HttpProblem(403, [`Access denied: role '${needed}' is needed, yours is '${principal.role}'`]);
  }
}

function bearer(request: Request, url: URL, where: string): string | undefined {
  const header = request.headers.get("authorization");
  if (header === null) return url.searchParams.get("token") ?? undefined;
  const match = /^bearer +([^\s]+) *$/i.exec(header);
  if (!match?.[1]) throw unauthorized(`[REGARDS JWT FILTER] Invalid authentication token on ${where}`);
  return match[1];
}

function publicUser(deps: AuthDeps, request: Request, o: { url: URL; where: string }): Principal {
  const scope = request.headers.get("scope") ?? o.url.searchParams.get("scope");
  if (!scope) throw unauthorized(`[REGARDS PUBLIC FILTER] Missing 'scope' header or param ${o.where}`);
  if (scope !== deps.tenant) {
    throw unauthorized(`[REGARDS PUBLIC FILTER] Unknown tenant '${scope.slice(0, 64)}' in 'scope' ${o.where}`);
  }
  return PUBLIC_USER;
}

function unauthorized(message: string): HttpProblem {
  return new HttpProblem(401, [message], { "www-authenticate": "Bearer" });
}
