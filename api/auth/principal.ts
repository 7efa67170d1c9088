/** Who calls. Made by `authenticate()` alone; every route gets one and nothing else tells it who the caller is. */
import { type Role, roleAtLeast } from "#crds/files.ts";

export type Principal = {
  readonly email: string;
  readonly role: Role;
  readonly groups: readonly string[];
};

/** The caller without a token: names a tenant and nobody. */
export const PUBLIC_USER: Principal = { email: "public@regards.com", role: "PUBLIC", groups: [] };

/** Owner, or administrator: the one rule for reading and acting alike. */
export function mayManage(principal: Principal, owner: string): boolean {
  return principal.email === owner || roleAtLeast(principal.role, "ADMIN");
}
