/** What selections hold, asked of the catalogue as the user. Measured before file filters, as the contract does. */
import { type Catalogue, CatalogueError, type DatasetSummary, type FileTotals } from "#catalog/catalogue.ts";
import type { Selection } from "#crds/order.ts";
import type { BasketTotals } from "#store/baskets.ts";
import type { Principal } from "../auth/principal.ts";
import { searchProblem } from "./request.ts";

export type Measure = {
  /** The datasets of which the selection finds files. */
  datasets(selection: Selection): Promise<readonly DatasetSummary[]>;
  /** All the selections together, which are of that dataset. */
  totals(urn: string, selections: readonly Selection[]): Promise<BasketTotals>;
};

export function measure(o: {
  readonly catalogue: Catalogue;
  readonly principal: Principal;
  readonly now: Date;
}): Measure {
  const { email, role, groups } = o.principal;
  const summarize = async (selections: readonly Selection[]) => {
    try {
      return await o.catalogue.summarize(selections, {
        access: { email, role, groups },
        before: o.now,
        references: true,
      });
    } catch (error) {
      if (error instanceof CatalogueError) throw searchProblem([error.detail]);
      throw error;
    }
  };
  return {
    datasets: async (selection) => (await summarize([selection])).datasets.filter(({ files }) => files > 0),
    totals: async (urn, selections) => {
      const { datasets } = await summarize(selections.map((selection) => ({ ...selection, dataset: urn })));
      return basketTotals(datasets.find((dataset) => dataset.urn === urn));
    },
  };
}

export function basketTotals(summary: DatasetSummary | undefined): BasketTotals {
  if (!summary) return { objects: 0, files: 0, bytes: 0, byType: {} };
  const { products: objects, files, bytes, byType, references } = summary;
  const counted = Object.entries(byType).flatMap(([type, all]) => {
    const ref = references?.[type] ?? { files: 0, bytes: 0 };
    const fetched = { files: all.files - ref.files, bytes: all.bytes - ref.bytes };
    return [[type, all] as const, [`${type}_ref`, ref] as const, [`${type}_!ref`, fetched] as const];
  });
  return { objects, files, bytes, byType: Object.fromEntries(counted.filter(hasFiles)) };
}

function hasFiles([, totals]: readonly [string, FileTotals]): boolean {
  return totals.files > 0;
}

/** What downloading costs of the download quota: raw files that are fetched. */
export function quotaOf({ byType }: BasketTotals): number {
  return byType["RAWDATA_!ref"]?.files ?? 0;
}
