/** Refuses an order, made of what was there already, that is of more files than its owner may still download. */
import { type Access, type Catalogue, CatalogueError } from "#catalog/catalogue.ts";
import { passedQuota, quotaText } from "#catalog/order-quota.ts";
import type { Selection } from "#crds/order.ts";
import type { Db } from "#store/db.ts";
import { fileQuota } from "#store/quotas.ts";
import { HttpProblem } from "../http/problem.ts";

export type QuotaDeps = { readonly db: Db; readonly catalogue: Catalogue; readonly now: () => Date };

/** Throws 422. What the catalogue cannot answer (any more) is not refused here: the order itself tells of it. */
export async function refuseOverQuota(
  deps: QuotaDeps,
  o: { readonly selections: readonly Selection[]; readonly access: Access },
): Promise<void> {
  const quota = await fileQuota(deps.db, o.access.email);
  const passed = await passedQuota(deps.catalogue, quota, { ...o, before: deps.now() }).catch((error: unknown) => {
    if (error instanceof CatalogueError) return undefined;
    throw error;
  });
  if (passed) throw new HttpProblem(422, [quotaText(passed, o.access.email)]);
}
