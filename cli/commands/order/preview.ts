/** What an order would be, in lines for people. */
import type { Preview } from "../../client/rest.ts";
import { counted, grouped, humanSize } from "../../output/human.ts";
import { pairs, table } from "../../output/table.ts";

export function describePreview(preview: Preview): string {
  const { references, subOrders, estimate, quota, processes = [] } = preview;
  const head = pairs([
    ["Dry run", preview.orderId === undefined ? "nothing was ordered" : `order ${preview.orderId} is this already`],
    ["Products", grouped(preview.productsCount)],
    ["Files", `${grouped(preview.filesCount)} (${humanSize(preview.filesSize)})`],
    ["Elsewhere", references.files > 0 ? `${grouped(references.files)} (${humanSize(references.bytes)})` : undefined],
    ...processes.map(({ name, runs, filesCount, filesSize }): [string, string] => [
      "Process",
      `${name}: at least ${counted(runs, "run")} on ${counted(filesCount, "file")} (${humanSize(filesSize)})`,
    ]),
    ["Sub-orders", `at least ${grouped(subOrders.toFetch + subOrders.references)}`],
    [
      "Quota",
      quota.maxQuota < 0 ? "no limit" : `${grouped(quota.files)} of ${counted(quota.remaining ?? 0, "file")} left`,
    ],
    ["Takes", estimate && `about ${duration(estimate.seconds)}, at ${humanSize(estimate.bytesPerSecond)}/s`],
  ]);
  const datasets = table(preview.datasets, [
    { title: "DATASET", max: 50, cell: (dataset) => dataset.datasetLabel },
    { title: "PRODUCTS", align: "right", cell: (dataset) => grouped(dataset.objectsCount) },
    { title: "FILES", align: "right", cell: (dataset) => grouped(dataset.filesCount) },
    { title: "SIZE", align: "right", cell: (dataset) => humanSize(dataset.filesSize) },
  ]);
  return `${head}\n\n${datasets}`;
}

function duration(seconds: number): string {
  if (seconds < 90) return counted(Math.max(1, seconds), "second");
  if (seconds < 90 * 60) return counted(Math.round(seconds / 60), "minute");
  if (seconds < 36 * 3600) return counted(Math.round(seconds / 3600), "hour");
  return counted(Math.round(seconds / 86_400), "day");
}
