/** Who calls. Made by `authenticate()` alone; every route gets one and nothing else tells it who the caller is. */
import { type Role, roleAtLeast } from "#crds/files.ts";

export type Principal = {
  readonly email: string;
  readonly role: Role;
  readonly groups: readonly string[];
};

/** The caller without a token: names a tenant and nobody. */
export const PUBLIC_USER: Principal = { email: "public@regards.com", role: "PUBLIC", groups: [] };

export function isAdmin({ role }: Principal): boolean {
  return roleAtLeast(role, "ADMIN");
}

/** Owner, or administrator: the one rule for reading and acting alike. What has no owner is the administrators'. */
export function mayManage(principal: Principal, owner: string | undefined): boolean {
  return principal.email === owner || isAdmin(principal);
}
