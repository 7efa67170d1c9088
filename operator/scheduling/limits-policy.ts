/** How many sub-orders may run at once, in the tenant and of one user. Pure. */
import type { Limits } from "./view.ts";

export function isWithinLimits(
  running: { readonly all: number; readonly ofUser: number },
  limits: Pick<Limits, "running" | "runningPerUser">,
): boolean {
  return running.all < limits.running && running.ofUser < limits.runningPerUser;
}
