/**
 * Reads the next part of what an order asks for out of the catalogue and cuts it into sub-orders.
 * The first part is small, so that the first sub-order of a big order starts soon; the others hold about two full buckets.
 */
import { type Catalogue, CatalogueError, type DatasetFiles, type FoundProduct } from "#catalog/catalogue.ts";
import { chooseFiles } from "#catalog/file-filter.ts";
import type { Selection } from "#crds/order.ts";
import type { Db } from "#store/db.ts";
import { datasetsOfOrders } from "#store/files.ts";
import type { OrderRow } from "#store/orders.ts";
import { catalogueText } from "./admission.ts";
import { cut, type Limits, type Part, type PartProduct, START } from "./buckets.ts";
import { accessOf, cursorOf } from "./facts.ts";
import type { Found } from "./observed.ts";
import { type CalledRuns, type RunPorts, runsOf } from "./runs.ts";

const PAGE = 1000;
/** Bound of what one part holds in memory. */
const MAX_PRODUCTS = 5000;

export async function searchOn(
  row: OrderRow,
  o: RunPorts & { readonly db: Db; readonly limits: Limits },
): Promise<Found> {
  const cursor = cursorOf(row);
  const isFirst = cursor.after === START.after;
  try {
    const found = await runsOf(row, o, { isFirst });
    if (found.kind === "failed") return { kind: "failed", reason: "ProcessFailed", message: found.message };
    const part = await readPart(row, { ...o, after: cursor.after, isFirst, runs: found.runs });
    return { kind: "part", cut: cut(cursor, part, o.limits) };
  } catch (error) {
    if (!(error instanceof CatalogueError)) throw error;
    return { kind: "failed", reason: "CatalogueFailed", message: catalogueText(error) };
  }
}

type Reading = {
  readonly db: Db;
  readonly catalogue: Catalogue;
  readonly limits: Limits;
  readonly after: number;
  readonly isFirst: boolean;
  readonly runs: readonly CalledRuns[];
};

async function readPart(row: OrderRow, o: Reading): Promise<Part> {
  const access = accessOf(row);
  const { runs } = o;
  const products: PartProduct[] = [];
  let files = 0;
  let after = o.after;
  for (;;) {
    const options = { access, before: row.createdAt, after, limit: PAGE };
    const page = await o.catalogue.search(row.spec.selections, options);
    for (const product of page.products) {
      const chosen = chosenOf(product, { selections: row.spec.selections, runs });
      files += filesOf(chosen);
      products.push(chosen);
    }
    if (page.next === undefined) {
      return { products, runs, last: true, attached: await attachedFiles(row, { ...o, products }) };
    }
    after = page.next;
    const isEnough = o.isFirst || products.length >= MAX_PRODUCTS || files >= 2 * o.limits.maxFiles;
    if (isEnough && products.length > 0) return { products, runs, last: false };
  }
}

/** What is ordered of a product as it is, by the selections without a process, and what each run takes of it. */
function chosenOf(
  product: FoundProduct,
  o: { readonly selections: readonly Selection[]; readonly runs: readonly CalledRuns[] },
): PartProduct {
  const { matched } = product;
  const plain = matched.filter((index) => o.selections[index]?.process === undefined);
  const inputs = o.runs.map(({ indices, inputs: types }) =>
    matched.some((index) => indices.has(index)) ? product.files.filter(({ type }) => types.includes(type)) : [],
  );
  return { ...product, files: chooseFiles({ ...product, matched: plain }, o.selections), inputs };
}

function filesOf({ files, inputs = [] }: PartProduct): number {
  return inputs.reduce((sum, each) => sum + each.length, files.length);
}

/** The own files of the datasets that the order has files of, from the parts before and from this last one. */
async function attachedFiles(
  row: OrderRow,
  o: Reading & { readonly products: readonly PartProduct[] },
): Promise<readonly DatasetFiles[]> {
  const before = (await datasetsOfOrders(o.db, [row.id])).get(row.id) ?? [];
  const now = o.products.filter((product) => filesOf(product) > 0).map(({ dataset }) => dataset.urn);
  const urns = [...new Set([...before.map(({ datasetUrn }) => datasetUrn), ...now])];
  if (urns.length === 0) return [];
  return o.catalogue.datasetFiles(urns, { access: accessOf(row) });
}
