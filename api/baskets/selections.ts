/** What a basket orders: each selection of it, with the filter or process of its dataset. And whether that is too much for one order. */
import { LIMITS, type Selection } from "#crds/order.ts";
import type { BasketDataset } from "#store/baskets.ts";
import { HttpProblem } from "../http/problem.ts";
import { fileFilter } from "../orders/spec.ts";

/** What matters of a dataset here. */
export type OrderedDataset = Pick<BasketDataset, "urn" | "fileFilter" | "process"> & {
  readonly items: readonly Pick<BasketDataset["items"][number], "selection">[];
};

export function orderSelections(datasets: readonly OrderedDataset[]): readonly Selection[] {
  return datasets.flatMap((dataset) =>
    dataset.items.map(({ selection }) => ({ ...selection, dataset: dataset.urn, ...options(dataset) })),
  );
}

function options({ fileFilter: filter, process }: OrderedDataset): Partial<Selection> {
  if (process) return { process: { name: process.name, parameters: process.parameters } };
  return filter ? fileFilter({ kinds: filter.fileTypes, pattern: filter.fileNamePattern }) : {};
}

/** An order is one object of Kubernetes, of which etcd takes no more than 1.5 MiB. */
const MAX_BYTES = 1024 * 1024;

/** Refuses what could not become one order. */
export function checkCapacity(datasets: readonly OrderedDataset[]): void {
  const selections = orderSelections(datasets);
  if (selections.length > LIMITS.selections) {
    throw tooMuch(`expected at most ${LIMITS.selections} selections, got ${selections.length}`);
  }
  const bytes = Buffer.byteLength(JSON.stringify(selections));
  if (bytes > MAX_BYTES) throw tooMuch(`expected selections of at most ${MAX_BYTES} bytes, got ${bytes}`);
}

function tooMuch(reason: string): HttpProblem {
  return new HttpProblem(422, [`Cannot change the basket: ${reason}`]);
}
