/**
 * Totals of what some selections mean. Without name patterns it is one scan that reads the totals kept in each product; a pattern must
 * see the names, so then the products are paged through and filtered by the same code as the order itself.
 */
import { FILE_TYPES, type FileType } from "#crds/files.ts";
import type { Selection } from "#crds/order.ts";
import type { DatasetSummary, FileTotals, Summary } from "../catalogue.ts";
import { chooseFiles } from "../file-filter.ts";
import { Params } from "../query/params.ts";
import { attributable, firstDataset, searchPage } from "./search.ts";
import { selectionSql } from "./selection-sql.ts";
import type { DatasetRow, Session } from "./session.ts";

type Request = { readonly selections: readonly Selection[]; readonly before: Date; readonly references: boolean };
type ByType = Map<FileType, FileTotals>;
type Totals = { products: number; readonly byType: ByType; readonly references: ByType };
type GroupRow = { readonly datasetIds: readonly number[]; readonly products: number } & Readonly<
  Record<string, unknown>
>;

type ReferenceRow = FileTotals & { readonly datasetIds: readonly number[]; readonly type: FileType };

const PAGE = 2000;

export async function summarizeSelections(session: Session, request: Request): Promise<Summary> {
  if (request.selections.length === 0 || session.datasets.length === 0) return toSummary(new Map(), request);
  const patterns = request.selections.some((selection) => selection.fileNamePattern !== undefined);
  const totals = patterns ? await byPaging(session, request) : await byScan(session, request);
  return toSummary(totals, request);
}

async function byScan(session: Session, request: Request): Promise<Map<DatasetRow, Totals>> {
  const { selections, before } = request;
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
  const datasets = attributable(session, selections);
  const totals = new Map<DatasetRow, Totals>();
  for (const row of rows) {
    const entry = entryOf(totals, firstDataset(row.datasetIds, datasets));
    entry.products += row.products;
    for (const [index, type] of FILE_TYPES.entries()) {
      addFiles(entry.byType, type, { files: Number(row[`files${index}`]), bytes: Number(row[`bytes${index}`]) });
    }
  }
  if (!request.references) return totals;
  for (const { datasetIds, type, ...sum } of await referencesByScan(session, request)) {
    addFiles(entryOf(totals, firstDataset(datasetIds, datasets)).references, type, sum);
  }
  return totals;
}

/** References are not among the totals kept in each product; they have an index of their own. */
function referencesByScan(session: Session, { selections, before }: Request): Promise<readonly ReferenceRow[]> {
  const params = new Params();
  const conditions = selections.map((selection) => {
    const condition = selectionSql(selection, { session, params, before });
    return selection.fileTypes
      ? `(${condition} AND f.type = ANY(${params.add(selection.fileTypes, "text[]")}))`
      : condition;
  });
  const text = `
    SELECT p.dataset_ids, f.type, count(*) AS files, coalesce(sum(f.size), 0)::bigint AS bytes
    FROM product_files f JOIN products p ON p.id = f.product_id
    WHERE f.reference AND (${conditions.join(" OR ")}) GROUP BY p.dataset_ids, f.type`;
  return session.sql.unsafe<ReferenceRow[]>(text, params.values as never[]);
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
        const sum = { files: 1, bytes: file.size ?? 0 };
        addFiles(entry.byType, file.type, sum);
        if (file.reference) addFiles(entry.references, file.type, sum);
      }
    }
    after = page.next;
  }
  return totals;
}

function entryOf(totals: Map<DatasetRow, Totals>, dataset: DatasetRow): Totals {
  const entry = totals.get(dataset) ?? { products: 0, byType: new Map(), references: new Map() };
  totals.set(dataset, entry);
  return entry;
}

function addFiles(byType: ByType, type: FileType, { files, bytes }: FileTotals): void {
  if (files === 0) return;
  const sum = byType.get(type) ?? { files: 0, bytes: 0 };
  byType.set(type, { files: sum.files + files, bytes: sum.bytes + bytes });
}

function toSummary(totals: ReadonlyMap<DatasetRow, Totals>, request: Request): Summary {
  const datasets = [...totals].map(([dataset, entry]) => toDatasetSummary(dataset, entry, request)).sort(byLabel);
  return { ...sumOf(datasets), products: datasets.reduce((sum, dataset) => sum + dataset.products, 0), datasets };
}

function toDatasetSummary({ urn, label }: DatasetRow, entry: Totals, request: Request): DatasetSummary {
  const { products, byType } = entry;
  const sums = { products, ...sumOf([...byType.values()]), byType: inOrder(byType) };
  return { urn, label, ...sums, ...(request.references && { references: inOrder(entry.references) }) };
}

function inOrder(byType: ByType): Readonly<Record<string, FileTotals>> {
  const sorted = FILE_TYPES.flatMap((type) => {
    const sum = byType.get(type);
    return sum ? [[type, sum] as const] : [];
  });
  return Object.fromEntries(sorted);
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
