/**
 * Changes a basket although several requests of its user come at once: what is to change is worked out from the basket as it stands, and
 * when another request was faster, worked out anew. No transaction is open while the catalogue searches.
 */
import { type Basket, type BasketDataset, type DatasetChange, findBasket, writeBasket } from "#store/baskets.ts";
import type { Db } from "#store/db.ts";
import { HttpProblem } from "../http/problem.ts";
import { checkCapacity, type OrderedDataset } from "./selections.ts";

export type Change = { readonly put?: readonly DatasetChange[]; readonly remove?: readonly number[] };

/** Each time around, somebody has got through. */
const ATTEMPTS = 200;

/** `plan` gives undefined where there is nothing to change. */
export async function changeBasket(
  db: Db,
  owner: string,
  plan: (basket: Basket | undefined) => Promise<Change | undefined>,
): Promise<Basket | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const from = await findBasket(db, owner);
    const change = await plan(from);
    if (!change) return from;
    if (change.put) checkCapacity(after(from, change));
    const written = await writeBasket(db, owner, { from, ...change });
    if (written) return written;
  }
  throw new HttpProblem(503, ["Cannot change the basket: too many requests change it now"], { "retry-after": "1" });
}

/** No basket, or nothing to put in: 204, as the contract answers. */
export function nothingThere(): HttpProblem {
  return new HttpProblem(204, []);
}

/** What must be said of a dataset that only changes in part. */
export function unchanged({ urn, label, fileFilter, process, totals }: BasketDataset): DatasetChange {
  return { urn, label, totals, ...(fileFilter && { fileFilter }), ...(process && { process }) };
}

/** The datasets as they will be. */
function after(from: Basket | undefined, { put = [], remove = [] }: Change): readonly OrderedDataset[] {
  const before = from?.datasets ?? [];
  const changed = new Set(put.map(({ urn }) => urn));
  const kept = before.filter(({ id, urn }) => !remove.includes(id) && !changed.has(urn));
  return [
    ...kept,
    ...put.map((change) => {
      const there = before.find(({ urn }) => urn === change.urn)?.items ?? [];
      const removed = new Set(change.removed?.map((date) => date.getTime()));
      const items = there.filter(({ date }) => !removed.has(date.getTime()));
      return { ...change, items: [...items, ...(change.added ?? [])] };
    }),
  ];
}
