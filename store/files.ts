/**
 * The files of orders and the sub-orders that hold them: appended by the search, taken and reported by workers, listed and handed out.
 * The door to store/files/: other folders import from here, so the split inside may change.
 */
import { appendSubOrders } from "./files/append.ts";
import { orderFiles, subOrdersPage } from "./files/by-state.ts";
import { datasetFiles, datasetOfOrder, datasetsOfOrders, FILE_SORT_KEYS } from "./files/datasets.ts";
import { inputsOf, wantInputs } from "./files/inputs.ts";
import { observeOrder } from "./files/observe.ts";
import { patienceOf } from "./files/patience.ts";
import { failOutputs, publishOutputs } from "./files/publish.ts";
import {
  allFiles,
  availableFiles,
  datasetsOf,
  type Fetched,
  findFile,
  linkedFiles,
  type OrderDataset,
  takeFiles,
} from "./files/read.ts";
import { markDownloaded, markDownloadFailed, reportFiles } from "./files/report.ts";
import { cancelPending, retryFailed } from "./files/retry.ts";
import { againSubOrder, endSubOrder, subOrdersOf } from "./files/sub-orders.ts";
import type {
  FileResult,
  FileRow,
  InputRow,
  NewFile,
  NewSubOrder,
  Output,
  ProcessRun,
  SubOrderRow,
  WorkFile,
} from "./files/types.ts";

export type {
  Fetched,
  FileResult,
  FileRow,
  InputRow,
  NewFile,
  NewSubOrder,
  OrderDataset,
  Output,
  ProcessRun,
  SubOrderRow,
  WorkFile,
};
export {
  againSubOrder,
  allFiles,
  appendSubOrders,
  availableFiles,
  cancelPending,
  datasetFiles,
  datasetOfOrder,
  datasetsOf,
  datasetsOfOrders,
  endSubOrder,
  FILE_SORT_KEYS,
  failOutputs,
  findFile,
  inputsOf,
  linkedFiles,
  markDownloaded,
  markDownloadFailed,
  observeOrder,
  orderFiles,
  patienceOf,
  publishOutputs,
  reportFiles,
  retryFailed,
  subOrdersOf,
  subOrdersPage,
  takeFiles,
  wantInputs,
};
