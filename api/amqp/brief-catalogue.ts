/**
 * The catalogue, asked the same question once a second at most. Programs order in bursts: hundreds of requests with the same queries, whose summary
 * would be the same as well. Only the summary is remembered, which decides whether an order is taken; what it holds is searched for each order.
 */
import type { Catalogue, Summary } from "#catalog/catalogue.ts";

const REMEMBERED_MS = 1_000;
const MOST_QUESTIONS = 1_000;

type Known = { readonly since: number; readonly summary: Promise<Summary> };

export function briefCatalogue(catalogue: Catalogue, clock: () => number = () => performance.now()): Catalogue {
  const known = new Map<string, Known>();
  return {
    search: (selections, options) => catalogue.search(selections, options),
    datasetFiles: (urns, options) => catalogue.datasetFiles(urns, options),
    datasets: (names, options) => catalogue.datasets(names, options),
    summarize(selections, options) {
      const question = JSON.stringify([selections, options.access, options.references]);
      const answer = known.get(question);
      if (answer && clock() - answer.since < REMEMBERED_MS) return answer.summary;
      if (known.size >= MOST_QUESTIONS) known.clear();
      const summary = catalogue.summarize(selections, options);
      known.set(question, { since: clock(), summary });
      summary.catch(() => known.delete(question));
      return summary;
    },
  };
}
