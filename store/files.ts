/**
 * The files of orders and the sub-orders that hold them: appended by the search, taken and reported by workers, listed and handed out.
 * The door to store/files/: other folders import from here, so the split inside may change.
 */
import { type AppendOptions, appendSubOrders } from "./files/append.ts";
import { type OrderObservation, observeOrder } from "./files/observe.ts";
import { type Patience, patienceOf } from "./files/patience.ts";
import { archiveFiles, availableFiles, datasetsOf, findFile, type OrderDataset, takeFiles } from "./files/read.ts";
import { markDownloaded, markDownloadFailed, reportFiles } from "./files/report.ts";
import { cancelPending, retryFailed } from "./files/retry.ts";
import { againSubOrder, endSubOrder, subOrdersOf } from "./files/sub-orders.ts";
import type { FileResult, FileRow, NewFile, NewSubOrder, SubOrderRow, SubOrderState, WorkFile } from "./files/types.ts";

export type {
  AppendOptions,
  FileResult,
  FileRow,
  NewFile,
  NewSubOrder,
  OrderDataset,
  OrderObservation,
  Patience,
  SubOrderRow,
  SubOrderState,
  WorkFile,
};
export {
  againSubOrder,
  appendSubOrders,
  archiveFiles,
  availableFiles,
  cancelPending,
  datasetsOf,
  endSubOrder,
  findFile,
  markDownloaded,
  markDownloadFailed,
  observeOrder,
  patienceOf,
  reportFiles,
  retryFailed,
  subOrdersOf,
  takeFiles,
};
