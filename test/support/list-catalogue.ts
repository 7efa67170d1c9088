/** A catalogue that is a list in memory, which a test may change as it goes. */
import { type Catalogue, CatalogueError, type DatasetFiles, type FoundProduct } from "#catalog/catalogue.ts";
import type { Selection } from "#crds/order.ts";

/** A catalogue of products whose `providerId` starts with the selection's query; `bad` cannot be asked. */
export function listCatalogue(products: readonly FoundProduct[], attached: readonly DatasetFiles[] = []): Catalogue {
  const found = (selections: readonly Selection[]) =>
    products.flatMap((product) => {
      const matched = selections.flatMap(({ query }, i) => (product.providerId.startsWith(`${query}-`) ? [i] : []));
      return matched.length > 0 ? [{ ...product, matched }] : [];
    });
  return {
    async summarize(selections) {
      if (selections[0]?.query === "bad") throw new CatalogueError("unknown attribute 'bad'");
      const matching = found(selections);
      const files = matching.flatMap((p) => p.files);
      const bytes = files.reduce((sum, file) => sum + (file.size ?? 0), 0);
      const totals = { products: matching.length, files: files.length, bytes };
      const byType = { RAWDATA: { files: files.length, bytes } };
      return { ...totals, datasets: [{ urn: "URN:dataset", label: "dataset", ...totals, byType, references: {} }] };
    },
    async search(selections, { after = 0, limit }) {
      if (selections[0]?.query === "badly") throw new CatalogueError("took too long");
      const rest = found(selections).filter((p) => p.id > after);
      const page = rest.slice(0, limit);
      const last = page.at(-1);
      return { products: page, ...(rest.length > limit && last ? { next: last.id } : {}) };
    },
    datasetFiles: async (urns) => attached.filter(({ dataset }) => urns.includes(dataset.urn)),
    datasets: async () => [],
  };
}
