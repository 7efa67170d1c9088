/** When the work of an order has to stop for good or for a while. Pure; asked by the reader too, which then looks whether it has. */
import { isGivenBack } from "#crds/files.ts";
import { plus } from "./expiration.ts";
import { cursorOf, isEnded, isTerminal } from "./facts.ts";
import type { Instant } from "./observed.ts";
import { expirationOf, type Subject } from "./stand.ts";

/** The last word on an order that is gone, or has to go now. */
export function lastWord(subject: Subject, now: Instant): "EXPIRED" | "DELETED" | undefined {
  const { observed, row } = subject;
  if (isGivenBack(row.status)) return row.status;
  if (observed.order.metadata.deletionTimestamp !== undefined) return "DELETED";
  if (observed.order.spec.shutdown === "Delete") return "DELETED";
  const expires = expirationOf(subject, now) ?? plus(row.createdAt, observed.settings.maxExpirationHours * 3_600_000);
  return expires.getTime() <= now.getTime() ? "EXPIRED" : undefined;
}

/** Why what is not there yet is given up, when it is. */
export function cancelReason({ observed, row, work }: Subject): string | undefined {
  if (isEnded(row, work)) return undefined;
  const stopped = cursorOf(row).stopped;
  if (stopped !== undefined) return stopped.message;
  return observed.order.spec.shutdown === "Cancel" ? "Cancelled by its owner" : undefined;
}

/** Whether no Job of the order may run now. */
export function mustStop(subject: Subject, now: Instant): boolean {
  if (isTerminal(subject.row) || subject.observed.order.spec.suspend) return true;
  return lastWord(subject, now) !== undefined || cancelReason(subject) !== undefined;
}
