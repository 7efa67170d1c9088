/**
 * The order as users list and poll it, from what was observed. Pure.
 * Percentages go by bytes, but a file without a size counts too: an order never stands at 100 % while a file is pending, and always ends there.
 */
import { isGivenBack } from "#crds/files.ts";
import type { OrderRow, ReadModel } from "#store/orders.ts";
import { isEnded } from "./facts.ts";
import type { Instant, Work } from "./observed.ts";
import type { Stand } from "./stand.ts";

/** Builds the read model of an order that stands as `stand` says. */
export function readModel(o: { row: OrderRow; work: Work; stand: Stand; now: Instant }): ReadModel {
  const { row, work, stand, now } = o;
  const gone = isGivenBack(stand.word);
  const ended = gone || isEnded(row, work);
  const completionTime = ended ? (row.completionTime ?? now) : undefined;
  return {
    status: stand.word,
    percentCompleted: gone ? row.percentCompleted : percentCompleted(row, work),
    ...(gone ? countersWithoutFiles(row) : { files: downloadable(work), bytes: work.bytes, subOrders: work.subOrders }),
    waitingForUser: stand.waitingForUser,
    suspended: stand.suspended.status === "True",
    ...(stand.expirationTime === undefined ? {} : { expirationTime: stand.expirationTime }),
    ...(stand.wish === undefined ? {} : { expirationAsked: stand.wish.asked, expirationAskedAt: stand.wish.askedAt }),
    ...(completionTime === undefined ? {} : { completionTime }),
    ...(stand.rowMessage === undefined ? {} : { message: stand.rowMessage }),
  };
}

/** Share of the work that is done or given up, in whole percent. */
export function percentCompleted(row: OrderRow, work: Work): number {
  if (row.resolvedAt === undefined) return 0;
  if (isEnded(row, work) || work.files.pending === 0) return 100;
  const { total, available, failed } = work.bytes;
  const share =
    total > 0 ? (available + failed) / total : (work.files.total - work.files.pending) / Math.max(1, work.files.total);
  return Math.min(99, Math.max(0, Math.floor(100 * share)));
}

/** The archive does not hold what failed to download: whoever is told of files that are available shall get some. */
function downloadable({ files, downloadErrors }: Work): ReadModel["files"] {
  return { ...files, available: files.available - downloadErrors };
}

/** What is left to say of an order whose files were given back: how many there were. */
function countersWithoutFiles(row: OrderRow): Pick<ReadModel, "files" | "bytes" | "subOrders"> {
  const { files, bytes, subOrders } = row;
  return {
    files: { ...files, pending: 0, available: 0 },
    bytes: { ...bytes, available: 0 },
    subOrders: { ...subOrders, waiting: 0, running: 0 },
  };
}
