/**
 * Reads the next part of what an order asks for out of the catalogue and cuts it into sub-orders.
 * The first part is small, so that the first sub-order of a big order starts soon; the others hold about two full buckets.
 */
import { type Catalogue, CatalogueError, type DatasetFiles, type FoundProduct } from "#catalog/catalogue.ts";
import { chooseFiles } from "#catalog/file-filter.ts";
import type { Db } from "#store/db.ts";
import { datasetsOfOrders } from "#store/files.ts";
import type { OrderRow } from "#store/orders.ts";
import { catalogueText } from "./admission.ts";
import { cut, type Limits, type Part, START } from "./buckets.ts";
import { cursorOf } from "./facts.ts";
import type { Found } from "./observed.ts";

const PAGE = 1000;
/** Bound of what one part holds in memory. */
const MAX_PRODUCTS = 5000;

export async function searchOn(
  row: OrderRow,
  o: { readonly db: Db; readonly catalogue: Catalogue; readonly limits: Limits },
): Promise<Found> {
  const cursor = cursorOf(row);
  const called = row.spec.selections.find(({ process }) => process)?.process;
  if (called) {
    const message = `Cannot run process '${called.name}': this version fetches files but runs no processes`;
    return { kind: "failed", message };
  }
  try {
    const part = await readPart(row, { ...o, after: cursor.after, isFirst: cursor.after === START.after });
    return { kind: "part", cut: cut(cursor, part, o.limits) };
  } catch (error) {
    if (error instanceof CatalogueError) return { kind: "failed", message: catalogueText(error) };
    throw error;
  }
}

type Reading = {
  readonly db: Db;
  readonly catalogue: Catalogue;
  readonly limits: Limits;
  readonly after: number;
  readonly isFirst: boolean;
};

async function readPart(row: OrderRow, o: Reading): Promise<Part> {
  const access = { email: row.owner, role: row.role, groups: row.groups };
  const products: FoundProduct[] = [];
  let files = 0;
  let after = o.after;
  for (;;) {
    const options = { access, before: row.createdAt, after, limit: PAGE };
    const page = await o.catalogue.search(row.spec.selections, options);
    for (const product of page.products) {
      const chosen = chooseFiles(product, row.spec.selections);
      files += chosen.length;
      products.push({ ...product, files: chosen });
    }
    if (page.next === undefined) {
      return { products, last: true, attached: await attachedFiles(row, { ...o, products }) };
    }
    after = page.next;
    const isEnough = o.isFirst || products.length >= MAX_PRODUCTS || files >= 2 * o.limits.maxFiles;
    if (isEnough && products.length > 0) return { products, last: false };
  }
}

/** The own files of the datasets that the order has files of, from the parts before and from this last one. */
async function attachedFiles(
  row: OrderRow,
  o: Reading & { readonly products: readonly FoundProduct[] },
): Promise<readonly DatasetFiles[]> {
  const before = (await datasetsOfOrders(o.db, [row.id])).get(row.id) ?? [];
  const now = o.products.filter(({ files }) => files.length > 0).map(({ dataset }) => dataset.urn);
  const urns = [...new Set([...before.map(({ datasetUrn }) => datasetUrn), ...now])];
  if (urns.length === 0) return [];
  const access = { email: row.owner, role: row.role, groups: row.groups };
  return o.catalogue.datasetFiles(urns, { access });
}
