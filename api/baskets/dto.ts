/** A basket as the contract shows it (BasketDto), with its counters by kind of file. */
import type { Basket, BasketDataset, BasketItem, BasketTotals } from "#store/baskets.ts";
import { quotaOf } from "./measure.ts";

export function basketDto({ id, owner, datasets }: Basket) {
  const datasetSelections = datasets.map(datasetDto);
  return { id, owner, quota: datasetSelections.reduce((sum, { quota }) => sum + quota, 0), datasetSelections };
}

function datasetDto({ id, urn, label, totals, items, process, fileFilter }: BasketDataset) {
  return {
    id,
    datasetIpid: urn,
    datasetLabel: label,
    ...totalsDto(totals),
    itemsSelections: items.map(itemDto),
    ...(process && {
      processDatasetDescription: { processBusinessId: process.processBusinessId, parameters: process.parameters },
    }),
    ...(fileFilter && { fileSelectionDescription: fileFilter }),
  };
}

function itemDto({ date, request, totals }: BasketItem) {
  return { date: date.toISOString(), selectionRequest: request, ...totalsDto(totals) };
}

function totalsDto(totals: BasketTotals) {
  const { objects, files, bytes, byType } = totals;
  const fileTypesSummaryMap = Object.fromEntries(
    Object.entries(byType).map(([type, count]) => [type, { filesCount: count.files, filesSize: count.bytes }]),
  );
  return { objectsCount: objects, filesCount: files, filesSize: bytes, quota: quotaOf(totals), fileTypesSummaryMap };
}
