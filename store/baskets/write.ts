/**
 * Changes of a basket. The catalogue is asked before, outside of any transaction; so a change names the version that it was made from,
 * and it is written under the lock of the basket's row only while that is still the version. Else nothing is written.
 */
import { type Db, jsonb, type Transaction } from "../db.ts";
import { findBasket } from "./read.ts";
import type { Basket, BasketDataset, BasketItem } from "./rows.ts";

/** What a dataset is to be from now on; what is absent of filter and process is removed. */
export type DatasetChange = Pick<BasketDataset, "urn" | "label" | "fileFilter" | "process" | "totals"> & {
  readonly added?: readonly BasketItem[];
  readonly removed?: readonly Date[];
};

export type BasketChange = {
  /** The basket that the change was made from; undefined: there was none. */
  readonly from: Basket | undefined;
  readonly put?: readonly DatasetChange[];
  /** Ids of datasets that go, with all their items. */
  readonly remove?: readonly number[];
};

/** The basket after the change; undefined when somebody else has changed it before. */
export async function writeBasket(db: Db, owner: string, change: BasketChange): Promise<Basket | undefined> {
  return db.begin(async (sql) => {
    const id = await claim(sql, owner, change.from);
    if (id === undefined) return undefined;
    await sql`DELETE FROM basket_datasets WHERE basket_id = ${id} AND id = ANY(${[...(change.remove ?? [])]}::bigint[])`;
    for (const dataset of change.put ?? []) await putDataset(sql, id, dataset);
    return findBasket(sql, owner);
  });
}

/** Locks the basket of that version until the transaction ends. */
async function claim(sql: Transaction, owner: string, from: Basket | undefined): Promise<number | undefined> {
  const [row] = from
    ? await sql<{ id: number }[]>`
        UPDATE baskets SET version = nextval('baskets_version_seq')
        WHERE id = ${from.id} AND version = ${from.version}
        RETURNING id`
    : await sql<{ id: number }[]>`INSERT INTO baskets (owner) VALUES (${owner}) ON CONFLICT DO NOTHING RETURNING id`;
  return row?.id;
}

async function putDataset(sql: Transaction, basketId: number, change: DatasetChange): Promise<void> {
  const { urn, label, totals, added = [], removed = [] } = change;
  const [{ id = 0 } = {}] = await sql<{ id: number }[]>`
    INSERT INTO basket_datasets (basket_id, dataset_urn, dataset_label, file_filter, process, totals)
    VALUES (${basketId}, ${urn}, ${label}, ${jsonb(sql, change.fileFilter)}, ${jsonb(sql, change.process)}, ${jsonb(sql, totals)})
    ON CONFLICT (basket_id, dataset_urn) DO UPDATE SET dataset_label = excluded.dataset_label,
      file_filter = excluded.file_filter, process = excluded.process, totals = excluded.totals
    RETURNING id`;
  if (removed.length > 0) {
    const dates = removed.map((date) => date.toISOString());
    await sql`DELETE FROM basket_items WHERE dataset_id = ${id} AND selected_at = ANY(${dates}::timestamptz[])`;
  }
  for (const item of added) {
    await sql`
      INSERT INTO basket_items (dataset_id, selected_at, request, selection, totals)
      VALUES (${id}, ${item.date}, ${jsonb(sql, item.request)}, ${jsonb(sql, item.selection)}, ${jsonb(sql, item.totals)})`;
  }
}

export async function deleteBasket(db: Db | Transaction, owner: string): Promise<void> {
  await db`DELETE FROM baskets WHERE owner = ${owner}`;
}
