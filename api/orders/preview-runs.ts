/** What the processes of an order would be given, for its preview. What they will give nobody knows before they have run. */
import type { Catalogue, DatasetSummary, SearchOptions } from "#catalog/catalogue.ts";
import { byCall, processNamed } from "#catalog/process/check-selections.ts";
import { inputTypes } from "#catalog/process/limits.ts";
import type { Selection } from "#crds/order.ts";
import type { Process } from "#crds/process.ts";
import type { Settings } from "#store/settings.ts";

export type PreviewedRuns = {
  readonly name: string;
  readonly productsCount: number;
  /** Inputs. */
  readonly filesCount: number;
  readonly filesSize: number;
  /** The least possible number; where a run is of one product, one for each. */
  readonly runs: number;
};

/** By call: the same process with other parameters is told apart. Throws CatalogueError. */
export async function previewRuns(
  selections: readonly Selection[],
  o: SearchOptions & {
    readonly catalogue: Catalogue;
    readonly processes: readonly Process[];
    readonly settings: Settings;
  },
): Promise<readonly PreviewedRuns[]> {
  const { access, before, settings } = o;
  const previews: PreviewedRuns[] = [];
  for (const { call, members } of byCall(selections)) {
    const process = processNamed(call.name, o.processes);
    if (!process) continue;
    const inputs = members.map(({ selection }) => ({ ...selection, fileTypes: [...inputTypes(process)] }));
    const { products, files, bytes, datasets } = await o.catalogue.summarize(inputs, { access, before });
    const runs = datasets.reduce((sum, dataset) => sum + leastRuns(process, { dataset, settings }), 0);
    previews.push({ name: call.name, productsCount: products, filesCount: files, filesSize: bytes, runs });
  }
  return previews;
}

function leastRuns({ spec }: Process, o: { readonly dataset: DatasetSummary; readonly settings: Settings }): number {
  const { products, files, bytes } = o.dataset;
  if (spec.scope === "Product" || files === 0) return Math.min(products, files);
  const { sub_order_max_files: mostFiles, sub_order_max_bytes: mostBytes } = o.settings;
  const { limits = {} } = spec;
  return Math.max(
    Math.ceil(files / Math.min(mostFiles, limits.files || mostFiles)),
    Math.min(products, Math.ceil(bytes / Math.min(mostBytes, limits.bytes || mostBytes))),
    limits.products ? Math.ceil(products / limits.products) : 1,
  );
}
