/** A basket as the rest of the system sees it: datasets of dated selections, with the totals that were counted when they were put in. */
import type { Selection } from "#crds/order.ts";

export type BasketCount = { readonly files: number; readonly bytes: number };

export type BasketTotals = BasketCount & {
  readonly objects: number;
  /** By kind of file: `RAWDATA`, and of these `RAWDATA_ref` (references) and `RAWDATA_!ref` (files that are fetched). */
  readonly byType: Readonly<Record<string, BasketCount>>;
};

export type BasketItem = {
  /** Names the selection within its dataset. */
  readonly date: Date;
  /** As the user asked for it. */
  readonly request: Readonly<Record<string, unknown>>;
  /** What it means, without the filter and the process of its dataset. */
  readonly selection: Selection;
  readonly totals: BasketTotals;
};

/** Absent or empty kinds: all of them. */
export type BasketFileFilter = {
  readonly fileTypes?: readonly ("RAWDATA" | "QUICKLOOK")[];
  readonly fileNamePattern?: string;
};

export type BasketProcess = {
  /** As the user named it. */
  readonly processBusinessId: string;
  /** Name of the `Process` resource. */
  readonly name: string;
  readonly parameters: Readonly<Record<string, string>>;
};

export type BasketDataset = {
  readonly id: number;
  readonly urn: string;
  readonly label: string;
  /** Not beside a process. */
  readonly fileFilter?: BasketFileFilter;
  readonly process?: BasketProcess;
  /** Of all items together: what several of them select is counted once. */
  readonly totals: BasketTotals;
  /** The oldest first. */
  readonly items: readonly BasketItem[];
};

export type Basket = {
  readonly id: number;
  readonly owner: string;
  readonly version: number;
  /** By label, then URN. */
  readonly datasets: readonly BasketDataset[];
};
