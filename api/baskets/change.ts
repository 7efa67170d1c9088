/**
 * Changes a basket although several requests of its user come at once: what is to change is worked out from the basket as it stands, and
 * when another request was faster, worked out anew. No transaction is open while the catalogue searches.
 */
import type { Selection } from "#crds/order.ts";
import { LIMITS } from "#crds/order.ts";
import { type Basket, type BasketDataset, type DatasetChange, findBasket, writeBasket } from "#store/baskets.ts";
import type { Db } from "#store/db.ts";
import { HttpProblem } from "../http/problem.ts";

export type Change = { readonly put?: readonly DatasetChange[]; readonly remove?: readonly number[] };

/** Each time around, somebody has got through. */
const ATTEMPTS = 200;
/** An order is one object of Kubernetes, which takes no more than 1.5 MiB. */
const MAX_BYTES = 1024 * 1024;

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

/** Refuses what could not become one order. */
export function checkCapacity(basket: Basket | undefined, added: readonly Selection[]): void {
  const there = basket?.datasets.flatMap(({ items }) => items.map(({ selection }) => selection)) ?? [];
  const all = [...there, ...added];
  if (all.length > LIMITS.selections) {
    throw new HttpProblem(422, [
      `Cannot add to the basket: expected at most ${LIMITS.selections} selections, got ${all.length}`,
    ]);
  }
  if (JSON.stringify(all).length > MAX_BYTES) {
    throw new HttpProblem(422, [`Cannot add to the basket: its selections take more than ${MAX_BYTES} characters`]);
  }
}
