/**
 * What a requester is told, in the words of the contract (rs-order.md §4.5, §4.6), and what else happened to the order. Pure.
 * The keys make each message unique: granted once, a sub-order once an attempt, the end once a run (a run for every retry), and
 * a pause once a generation of the resource, so that who looks at an older one tells nothing anew.
 */

import { isFinal, isGivenBack } from "#crds/files.ts";
import type { SubOrderRow } from "#store/files.ts";
import { notice, type OrderRow, type OutboxMessage, type ReadModel } from "#store/orders.ts";

export type Teller = {
  readonly row: OrderRow;
  readonly model: ReadModel;
  /** Ended sub-orders to tell of; none before the order is resolved, so that the total told is right. */
  readonly untold: readonly SubOrderRow[];
  /** More of them may be left for the next time. */
  readonly more: boolean;
  /** Of the resource that the wishes were read from. */
  readonly generation: number;
  /** It ended because its owner wanted no more. */
  readonly cancelled: boolean;
  /** It is time to say that it will. */
  readonly expiresSoon: boolean;
  readonly downloadLink: string;
  readonly finishedWithWarningStatus: "FAILED" | "DONE_WITH_WARNING";
};

/** The messages due, in the order in which they are to be told. Telling one again is harmless: its key is taken. */
export function messages(teller: Teller): OutboxMessage[] {
  const { row, model, cancelled, expiresSoon } = teller;
  const { expirationTime } = model;
  return [
    granted(row),
    ...(row.retriesServed > 0 ? [notice(row, "RETRIED", row.retriesServed)] : []),
    ...pauses(teller),
    ...teller.untold.filter(hasFiles).map((subOrder) => subOrderDone(teller, subOrder)),
    ...(cancelled ? [notice(row, "CANCELLED")] : []),
    ...(isEndOfRun(teller) ? [final(teller)] : []),
    ...(expiresSoon && expirationTime
      ? [notice({ ...row, expirationTime }, "EXPIRES_SOON", expirationTime.toISOString())]
      : []),
    ...departure(teller),
  ];
}

/** The row is as the last telling left it: what differs from it is new. */
function pauses({ row, model, generation }: Teller): OutboxMessage[] {
  if (isFinal(model.status) || (row.status === "PAUSED") === (model.status === "PAUSED")) return [];
  return [notice(row, model.status === "PAUSED" ? "PAUSED" : "RESUMED", generation)];
}

function departure({ row, model }: Teller): OutboxMessage[] {
  return isGivenBack(model.status) ? [notice(row, model.status)] : [];
}

/** Once every sub-order was told of. An order that leaves was told of before, unless it leaves in the middle of a run; its sub-orders go with it. */
function isEndOfRun({ row, model, more }: Teller): boolean {
  return isFinal(model.status) && (isGivenBack(model.status) ? !isFinal(row.status) : !more);
}

function granted(row: OrderRow): OutboxMessage {
  return {
    dedupKey: "granted",
    kind: "GRANTED",
    payload: { correlationId: row.correlationId, status: "GRANTED", orderId: row.id },
  };
}

function subOrderDone({ row, model, downloadLink }: Teller, subOrder: SubOrderRow): OutboxMessage {
  const errors = subOrder.files.failed;
  const text = errors > 0 ? "finished with some warnings." : "finished and ready to download.";
  return {
    dedupKey: `suborder:${subOrder.number}:${subOrder.attempt}`,
    kind: "SUBORDER_DONE",
    payload: {
      correlationId: row.correlationId,
      status: "SUBORDER_DONE",
      orderId: row.id,
      message: `A sub-order of user ${row.owner} is ${text}`,
      downloadLink,
      totalSubOrders: model.subOrders.total,
      subOrderId: subOrder.id,
      ...errorFields(errors),
    },
  };
}

/** The end of the present run. With files to fetch it carries the link, whatever went wrong beside them. */
function final({ row, model, downloadLink, finishedWithWarningStatus }: Teller): OutboxMessage {
  const withWarning = model.status === "DONE_WITH_WARNING";
  const done = model.status === "DONE";
  const told = withWarning ? finishedWithWarningStatus : done ? "DONE" : "FAILED";
  return {
    dedupKey: `final:${row.retriesServed}`,
    kind: told === "FAILED" ? "FAILED" : "DONE",
    payload: {
      correlationId: row.correlationId,
      status: told,
      orderId: row.id,
      message: `Order of user ${row.owner} is ${endText(model)}`,
      ...(hasFiles(model) && !isGivenBack(model.status) ? { downloadLink } : {}),
      totalSubOrders: model.subOrders.total,
      ...(done ? {} : errorFields(Math.max(1, model.files.failed))),
    },
  };
}

/** Nobody is told of a sub-order of which nothing can be fetched: only the end of the order speaks of it. */
function hasFiles({ files }: Pick<SubOrderRow, "files">): boolean {
  return files.available + files.downloaded > 0;
}

function endText(model: ReadModel): string {
  if (model.status === "DONE") return "finished";
  if (model.status === "DONE_WITH_WARNING") return "finished with some warnings.";
  return "finished with errors. One or many files could not be retrieved.";
}

function errorFields(errors: number): Record<string, unknown> {
  return errors > 0 ? { errorType: "INTERNAL_ERROR", errorCode: "INTERNAL_ERROR", errors } : {};
}
