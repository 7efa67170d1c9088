/** What the rows of files and sub-orders look like to the rest of the system. Sizes are bytes. */
import type { FileState, FileType, OrderedFileType } from "#crds/files.ts";
import type { FileCounters } from "#crds/order.ts";

export type NewFile = {
  readonly productUrn: string;
  readonly providerId: string;
  readonly productVersion: number;
  readonly fileType: FileType;
  readonly reference: boolean;
  readonly uri: string;
  readonly filename: string;
  readonly mimeType: string;
  /** As the catalogue tells it. */
  readonly size?: number;
  readonly checksum?: string;
  readonly algorithm?: string;
};

/** How a process is called for one sub-order, which is one run of it. */
export type ProcessRun = {
  readonly name: string;
  /** What the program finds in `parameters.json`: of the types that its schema asks for, defaults included. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly scope: "SubOrder" | "Product";
};

export type NewSubOrder = {
  /** From 1, without gaps over the whole order. */
  readonly number: number;
  readonly dataset: { readonly urn: string; readonly label: string };
  /** False with a process: its inputs are fetched, references too. */
  readonly reference: boolean;
  /** With a process: its inputs, which no user ever sees. Scope `Product`: all of one product. */
  readonly files: readonly NewFile[];
  readonly process?: ProcessRun;
};

export type SubOrderState = "Waiting" | "Running" | "Succeeded" | "Failed";

export type SubOrderRow = {
  readonly id: number;
  readonly orderId: number;
  readonly number: number;
  readonly attempt: number;
  readonly state: SubOrderState;
  readonly notBefore?: Date;
  readonly files: FileCounters;
  readonly bytes: number;
  readonly reference: boolean;
  readonly datasetUrn: string;
  readonly datasetLabel: string;
  readonly startedAt?: Date;
  readonly endedAt?: Date;
  readonly lastReportAt?: Date;
  readonly message?: string;
  /** Its files are what this gives. */
  readonly process?: ProcessRun;
};

/** A file that a worker has to fetch. */
export type WorkFile = Omit<NewFile, "reference" | "productVersion"> & {
  readonly id: number;
  /** Since when the source says that it has not got the file ready. */
  readonly notReadySince?: Date;
  /** The source asked not to be asked before. */
  readonly retryAfter?: Date;
};

export type FileResult =
  | {
      readonly id: number;
      readonly kind: "available";
      /** Lower-case hexadecimal. */
      readonly sha256: string;
      readonly size: number;
      readonly crc32: number;
      readonly mimeType?: string;
    }
  | { readonly id: number; readonly kind: "failed"; readonly error: string }
  | { readonly id: number; readonly kind: "notReady"; readonly retryAfter: Date; readonly reason?: string };

/** A file that a process works on. Of those that are there: the blob. */
export type InputRow = Omit<NewFile, "reference"> & {
  readonly id: number;
  readonly state: "PENDING" | "AVAILABLE" | "ERROR";
  /** The size received, else what the catalogue tells. */
  readonly size?: number;
  readonly sha256?: string;
  readonly error?: string;
};

/** A file that a process gave; its bytes are a blob. */
export type Output = {
  /** The last part of its path in the folder of outputs. */
  readonly filename: string;
  readonly mimeType: string;
  readonly size: number;
  readonly crc32: number;
  readonly sha256: string;
};

export type FileRow = Omit<NewFile, "fileType"> & {
  readonly id: number;
  readonly fileType: OrderedFileType;
  readonly orderId: number;
  readonly subOrder: number;
  /** The sub-order's id, which the contract calls that of a files task. */
  readonly subOrderId: number;
  readonly datasetUrn: string;
  readonly datasetLabel: string;
  readonly state: FileState;
  /** The size received, else what the catalogue tells. */
  readonly size?: number;
  /** The size as the catalogue tells it: it does not change. */
  readonly cataloguedSize?: number;
  readonly crc32?: number;
  readonly sha256?: string;
  readonly error?: string;
};
