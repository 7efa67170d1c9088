/**
 * Puts selections into a basket: each is divided by dataset, and dated, so that it can be taken out again. What several selections of a
 * dataset have in common counts once. Either everything that is found gets in, or nothing.
 */
import type { Catalogue } from "#catalog/catalogue.ts";
import type { Transport } from "#kube/transport.ts";
import type { Basket, BasketItem, DatasetChange } from "#store/baskets.ts";
import type { Db } from "#store/db.ts";
import type { Principal } from "../auth/principal.ts";
import { findProcess, processReader } from "../processes/read.ts";
import { refuseDataset } from "../processes/refuse.ts";
import { changeBasket, nothingThere, unchanged } from "./change.ts";
import { basketTotals, type Measure, measure } from "./measure.ts";
import type { Wanted } from "./request.ts";

export type BasketDeps = {
  readonly db: Db;
  readonly catalogue: Catalogue;
  readonly transport: Transport;
  readonly now: () => Date;
};

type Found = { readonly urn: string; readonly label: string; readonly item: Omit<BasketItem, "date"> };

/** 204 when nothing at all is found; selections that find nothing do not keep out the others. */
export async function addSelections(
  deps: BasketDeps,
  principal: Principal,
  wanted: readonly Wanted[],
): Promise<Basket | undefined> {
  const now = deps.now();
  const measured = measure({ catalogue: deps.catalogue, principal, now });
  const found: Found[] = [];
  for (const one of wanted) found.push(...(await byDataset(measured, one, now)));
  if (found.length === 0) throw nothingThere();
  return changeBasket(deps.db, principal.email, async (basket) => {
    const put: DatasetChange[] = [];
    for (const [, group] of Map.groupBy(found, ({ urn }) => urn)) {
      put.push(await withAdded(deps, { basket, group, measured, now }));
    }
    return { put };
  });
}

async function byDataset(measured: Measure, { request, selection }: Wanted, now: Date): Promise<readonly Found[]> {
  const datasets = await measured.datasets(selection);
  const found: Found[] = [];
  for (const summary of datasets) {
    const { urn, label } = summary;
    // A product of several datasets is told under one of them only; restricted to each, it counts in each.
    const totals = datasets.length > 1 ? await measured.totals(urn, [selection]) : basketTotals(summary);
    const item = {
      request: { ...request, datasetUrn: urn, selectionDate: now.toISOString() },
      selection: { ...selection, dataset: urn },
      totals,
    };
    found.push({ urn, label, item });
  }
  return found;
}

type Adding = {
  readonly basket: Basket | undefined;
  /** All of one dataset. */
  readonly group: readonly Found[];
  readonly measured: Measure;
  readonly now: Date;
};

async function withAdded(deps: BasketDeps, { basket, group, measured, now }: Adding): Promise<DatasetChange> {
  const [{ urn, label } = { urn: "", label: "" }] = group;
  const existing = basket?.datasets.find((dataset) => dataset.urn === urn);
  const there = existing?.items ?? [];
  const added = dated(
    group.map(({ item }) => item),
    { now, taken: new Set(there.map(({ date }) => date.getTime())) },
  );
  const all = [...there, ...added];
  const [only] = all;
  const totals =
    all.length === 1 && only
      ? only.totals
      : await measured.totals(
          urn,
          all.map(({ selection }) => selection),
        );
  if (existing?.process) {
    const process = findProcess(await processReader(deps.transport)(), existing.process.name);
    if (process) refuseDataset(process, { urn, label, totals });
  }
  return { ...(existing && unchanged(existing)), urn, label, totals, added };
}

/** Dates name the selections of a dataset: those of one moment get the next free milliseconds. */
function dated(
  items: readonly Omit<BasketItem, "date">[],
  o: { readonly now: Date; readonly taken: Set<number> },
): readonly BasketItem[] {
  let time = o.now.getTime();
  return items.map((item) => {
    while (o.taken.has(time)) time++;
    o.taken.add(time);
    return { ...item, date: new Date(time) };
  });
}
