/** A user's basket in one statement, so that what is seen is one state of it. */
import { type Db, type Transaction, withoutNulls } from "../db.ts";
import type { Basket, BasketDataset, BasketItem } from "./rows.ts";

type Row = {
  readonly id: number;
  readonly owner: string;
  readonly version: number;
  readonly datasetId: number | null;
  readonly datasetUrn: string;
  readonly datasetLabel: string;
  readonly fileFilter: BasketDataset["fileFilter"] | null;
  readonly process: BasketDataset["process"] | null;
  readonly datasetTotals: BasketDataset["totals"];
  readonly selectedAt: Date | null;
} & Pick<BasketItem, "request" | "selection" | "totals">;

export async function findBasket(db: Db | Transaction, owner: string): Promise<Basket | undefined> {
  const rows = await db<Row[]>`
    SELECT b.id, b.owner, b.version, d.id AS dataset_id, d.dataset_urn, d.dataset_label, d.file_filter, d.process,
      d.totals AS dataset_totals, i.selected_at, i.request, i.selection, i.totals
    FROM baskets b
    LEFT JOIN basket_datasets d ON d.basket_id = b.id
    LEFT JOIN basket_items i ON i.dataset_id = d.id
    WHERE b.owner = ${owner}
    ORDER BY d.dataset_label COLLATE "C", d.dataset_urn COLLATE "C", i.selected_at`;
  const [first] = rows;
  if (!first) return undefined;
  const { id, version } = first;
  const byDataset = Map.groupBy(
    rows.filter((row) => row.datasetId !== null),
    (row) => row.datasetUrn,
  );
  return { id, owner: first.owner, version, datasets: [...byDataset.values()].flatMap(toDataset) };
}

function toDataset(rows: readonly Row[]): readonly BasketDataset[] {
  const [first] = rows;
  if (!first) return [];
  const { datasetId: id, datasetUrn: urn, datasetLabel: label, fileFilter, process, datasetTotals: totals } = first;
  return [withoutNulls({ id, urn, label, fileFilter, process, totals, items: rows.flatMap(toItem) })];
}

function toItem({ selectedAt, request, selection, totals }: Row): readonly BasketItem[] {
  return selectedAt === null ? [] : [{ date: selectedAt, request, selection, totals }];
}
