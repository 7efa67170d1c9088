/**
 * What an order would cost its owner of the download quota, so that an order of more than the owner may download is refused when it is asked for
 * and not at its last file (rs-order.md §12.1 D13). Every way to order asks here; what is downloaded is counted by the store all the same.
 */
import type { Selection } from "#crds/order.ts";
import { type FileQuota, type QuotaEffect, quotaEffect, UNLIMITED } from "#store/quotas.ts";
import type { Catalogue, SearchOptions, Summary } from "./catalogue.ts";

/** How many of the files count: raw data that is fetched and kept. The summary was asked for with `references`. */
export function countingFiles({ datasets }: Summary): number {
  return datasets.reduce((sum, { byType, references }) => {
    return sum + (byType["RAWDATA"]?.files ?? 0) - (references?.["RAWDATA"]?.files ?? 0);
  }, 0);
}

/** What is ordered as it is: of a process only the results are delivered, which cost nothing. */
export function unprocessed(selections: readonly Selection[]): readonly Selection[] {
  return selections.filter(({ process }) => process === undefined);
}

/** The effect if it passes the quota. Of who has no limit the catalogue is not asked. Throws CatalogueError. */
export async function passedQuota(
  catalogue: Catalogue,
  quota: FileQuota,
  o: SearchOptions & { readonly selections: readonly Selection[] },
): Promise<QuotaEffect | undefined> {
  if (quota.maxQuota === UNLIMITED) return undefined;
  const { access, before } = o;
  const selections = unprocessed(o.selections);
  if (selections.length === 0) return undefined;
  const summary = await catalogue.summarize(selections, { access, before, references: true });
  const effect = quotaEffect(countingFiles(summary), quota);
  return effect.exceededBy > 0 ? effect : undefined;
}

/** The contract's text, and what the user can go by. */
export function quotaText({ maxQuota, exceededBy, files, remaining }: QuotaEffect, email: string): string {
  const text = `Download quota of ${maxQuota} exceeded (by ${exceededBy}) for user ${email}.`;
  return `${text} The order has ${files} files that count, ${remaining} may still be downloaded`;
}
