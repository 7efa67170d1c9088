/**
 * Totals of what some selections mean. Without name patterns it is one scan that reads the totals kept in each product; a pattern must
 * see the names, so then the products are paged through and filtered by the same code as the order itself.
 */
import { FILE_TYPES, type FileType } from "#crds/files.ts";
import type { Selection } from "#crds/order.ts";
import type { DatasetSummary, FileTotals, Summary } from "../catalogue.ts";
import { chooseFiles } from "../file-filter.ts";
import { Params } from "../query/params.ts";
import { firstDataset, searchPage } from "./search.ts";
import { selectionSql } from "./selection-sql.ts";
import type { DatasetRow, Session } from "./session.ts";

type Request = { readonly selections: readonly Selection[]; readonly before: Date };
type Totals = { products: number; readonly byType: Map<FileType, { files: number; bytes: number }> };
type GroupRow = { readonly datasetIds: readonly number[]; readonly products: number } & Readonly<
  Record<string, unknown>
>;

const PAGE = 2000;

export async function summarizeSelections(session: Session, request: Request): Promise<Summary> {
  if (request.selections.length === 0 || session.datasets.length === 0) return toSummary(new Map());
  const patterns = request.selections.some((selection) => selection.fileNamePattern !== undefined);
  return toSummary(patterns ? await byPaging(session, request) : await byScan(session, request));
}

async function byScan(session: Session, { selections, before }: Request): Promise<Map<DatasetRow, Totals>> {
  const params = new Params();
  const conditions = selections.map((selection) => selectionSql(selection, { session, params, before }));
  const sums = FILE_TYPES.flatMap((type, index) => {
    const admitting = conditions.filter((_, i) => selections[i]?.fileTypes?.includes(type) ?? true);
    return [
      `${sumSql(`p.type_files[${index + 1}]`, admitting, conditions.length)} AS files${index}`,
      `${sumSql(`p.type_bytes[${index + 1}]`, admitting, conditions.length)} AS bytes${index}`,
    ];
  });
  const text = `
    SELECT p.dataset_ids, count(*) AS products, ${sums.join(", ")}
    FROM products p WHERE ${conditions.join(" OR ")} GROUP BY p.dataset_ids`;
  const rows = await session.sql.unsafe<GroupRow[]>(text, params.values as never[]);
  const totals = new Map<DatasetRow, Totals>();
  for (const row of rows) {
    const entry = entryOf(totals, firstDataset(row.datasetIds, session.datasets));
    entry.products += row.products;
    for (const [index, type] of FILE_TYPES.entries()) {
      addFiles(entry, type, { files: Number(row[`files${index}`]), bytes: Number(row[`bytes${index}`]) });
    }
  }
  return totals;
}

/** Counts a kind where a selection that admits it matches. */
function sumSql(column: string, admitting: readonly string[], all: number): string {
  if (admitting.length === 0) return "0::bigint";
  const counted = admitting.length === all ? column : `CASE WHEN ${admitting.join(" OR ")} THEN ${column} END`;
  return `coalesce(sum(${counted}), 0)::bigint`;
}

async function byPaging(session: Session, request: Request): Promise<Map<DatasetRow, Totals>> {
  const totals = new Map<DatasetRow, Totals>();
  const datasets = new Map(session.datasets.map((dataset) => [dataset.urn, dataset]));
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page = await searchPage(session, { ...request, after, limit: PAGE });
    for (const product of page.products) {
      const dataset = datasets.get(product.dataset.urn);
      if (!dataset) continue;
      const entry = entryOf(totals, dataset);
      entry.products++;
      for (const file of chooseFiles(product, request.selections)) {
        addFiles(entry, file.type, { files: 1, bytes: file.size ?? 0 });
      }
    }
    after = page.next;
  }
  return totals;
}

function entryOf(totals: Map<DatasetRow, Totals>, dataset: DatasetRow): Totals {
  const entry = totals.get(dataset) ?? { products: 0, byType: new Map() };
  totals.set(dataset, entry);
  return entry;
}

function addFiles(entry: Totals, type: FileType, { files, bytes }: FileTotals): void {
  if (files === 0) return;
  const sum = entry.byType.get(type) ?? { files: 0, bytes: 0 };
  entry.byType.set(type, { files: sum.files + files, bytes: sum.bytes + bytes });
}

function toSummary(totals: ReadonlyMap<DatasetRow, Totals>): Summary {
  const datasets = [...totals].map(([dataset, entry]) => toDatasetSummary(dataset, entry)).sort(byLabel);
  return { ...sumOf(datasets), products: datasets.reduce((sum, dataset) => sum + dataset.products, 0), datasets };
}

function toDatasetSummary({ urn, label }: DatasetRow, { products, byType }: Totals): DatasetSummary {
  const sorted = FILE_TYPES.flatMap((type) => {
    const sum = byType.get(type);
    return sum ? [[type, sum] as const] : [];
  });
  return { urn, label, products, ...sumOf([...byType.values()]), byType: Object.fromEntries(sorted) };
}

function sumOf(parts: readonly FileTotals[]): FileTotals {
  return {
    files: parts.reduce((sum, part) => sum + part.files, 0),
    bytes: parts.reduce((sum, part) => sum + part.bytes, 0),
  };
}

function byLabel(a: DatasetSummary, b: DatasetSummary): number {
  if (a.label !== b.label) return a.label < b.label ? -1 : 1;
  return a.urn < b.urn ? -1 : 1;
}
