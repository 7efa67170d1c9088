/** Words about files and orders that the contract fixes (rs-order.md §2.2, §2.3) and that several layers speak. */

/** File kinds that can be ordered. `QUICKLOOK` in a request stands for the last three. */
export const FILE_TYPES = ["RAWDATA", "QUICKLOOK_SD", "QUICKLOOK_MD", "QUICKLOOK_HD"] as const;
export type FileType = (typeof FILE_TYPES)[number];

/** Kinds of file that an order may hold: `OTHER` is what a process gave. */
export const ORDERED_FILE_TYPES = [...FILE_TYPES, "OTHER"] as const;
export type OrderedFileType = (typeof ORDERED_FILE_TYPES)[number];

/** State of one ordered file (rs-order.md §2.3). */
export const FILE_STATES = [
  "PENDING",
  "AVAILABLE",
  "DOWNLOADED",
  "DOWNLOAD_ERROR",
  "ERROR",
  "PROCESSING_ERROR",
] as const;
export type FileState = (typeof FILE_STATES)[number];

/** State of an order as users see it (rs-order.md §2.2). */
export const ORDER_STATUSES = [
  "PENDING",
  "RUNNING",
  "PAUSED",
  "DONE",
  "DONE_WITH_WARNING",
  "FAILED",
  "EXPIRED",
  "DELETED",
  "ERROR",
] as const;
export type OrderStatusWord = (typeof ORDER_STATUSES)[number];

const FINAL: readonly string[] = ["DONE", "DONE_WITH_WARNING", "FAILED", "EXPIRED", "DELETED", "ERROR"];

/** Whether a run of the order is over with this word: nothing of it changes any more by itself, but for its expiration. */
export function isFinal(word: string): boolean {
  return FINAL.includes(word);
}

/** Whether the files of an order of which this is the word were given back, or are being. Nothing leads back from there. */
export function isGivenBack(word: string): word is "EXPIRED" | "DELETED" {
  return word === "EXPIRED" || word === "DELETED";
}

/** Roles, weakest first (rs-order.md §10.3). */
export const ROLES = ["PUBLIC", "REGISTERED_USER", "EXPLOIT", "ADMIN", "PROJECT_ADMIN", "INSTANCE_ADMIN"] as const;
export type Role = (typeof ROLES)[number];

/** Whether `role` may do what `needed` may. */
export function roleAtLeast(role: Role, needed: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(needed);
}
