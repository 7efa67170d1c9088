/**
 * What an order would be, without making it (`?dryRun=true`): refused by the same checks as the order itself, else told in numbers. Nothing is
 * written. The number of sub-orders is the least possible: how full they get depends on where products end.
 */
import { CatalogueError, type DatasetSummary, type FileTotals, type SearchOptions } from "#catalog/catalogue.ts";
import { countingFiles, unprocessed } from "#catalog/order-quota.ts";
import type { Selection } from "#crds/order.ts";
import { previewInsert } from "#store/orders.ts";
import { fileQuota, quotaEffect } from "#store/quotas.ts";
import { readSettings, type Settings } from "#store/settings.ts";
import { recentThroughput, type Throughput } from "#store/throughput.ts";
import { processesFor } from "../processes/read.ts";
import { type AcceptDeps, type Asked, type Checked, checkOrder, insertRefusal, readProcessesOf } from "./accept.ts";
import { type Refusal, searchFailed } from "./outcome.ts";
import { type PreviewedRuns, previewRuns } from "./preview-runs.ts";

export type OrderPreview = {
  readonly dryRun: true;
  readonly correlationId: string;
  /** The same request was made before: this order is it. */
  readonly orderId?: number;
  readonly productsCount: number;
  readonly filesCount: number;
  readonly filesSize: number;
  /** Those of the files that stay where they are. */
  readonly references: FileTotals;
  readonly subOrders: { readonly toFetch: number; readonly references: number };
  readonly datasets: readonly {
    readonly datasetLabel: string;
    readonly objectsCount: number;
    readonly filesCount: number;
    readonly filesSize: number;
  }[];
  /** Only where there are any: what they would be given, which is not among the files above. */
  readonly processes?: readonly PreviewedRuns[];
  readonly quota: ReturnType<typeof quotaEffect>;
  /** Absent while nothing was fetched of late. */
  readonly estimate?: { readonly seconds: number; readonly bytesPerSecond: number; readonly measuredSubOrders: number };
};

const RECENT_MS = 7 * 86_400_000;

export async function previewOrder(
  deps: AcceptDeps,
  asked: Asked,
): Promise<{ readonly kind: "preview"; readonly preview: OrderPreview } | Refusal> {
  const checked = await checkOrder(deps, asked);
  if (checked.kind === "refused") return checked;
  const { spec, correlationId, access } = checked;
  const inserted = await previewInsert(deps.db, { owner: spec.owner, spec, correlationId });
  if (inserted.kind === "conflict") return insertRefusal(inserted, { correlationId, keyField: asked.keyField });
  const preview = await measured(deps, checked).catch((error: unknown) => {
    if (error instanceof CatalogueError) return searchFailed(correlationId, [error.detail || error.message]);
    throw error;
  });
  if ("kind" in preview) return preview;
  const quota = quotaEffect(preview.counting, await fileQuota(deps.db, access.email));
  const { counting: _, ...rest } = preview;
  const known = inserted.kind === "same" ? { orderId: inserted.row.id } : {};
  return { kind: "preview", preview: { dryRun: true, correlationId, ...known, ...rest, quota } };
}

async function measured(deps: AcceptDeps, { spec, access }: Checked) {
  const now = deps.now();
  const asked = { access, before: now };
  const summary = await deps.catalogue.summarize(unprocessed(spec.selections), { ...asked, references: true });
  const settings = await readSettings(deps.db);
  const processes = await runsOf(deps, { ...asked, selections: spec.selections, settings });
  const speed = await recentThroughput(deps.db, { since: new Date(now.getTime() - RECENT_MS) });
  const parts = summary.datasets.map(byWhere);
  const total = (pick: (part: (typeof parts)[number]) => number) => sum(parts, pick);
  const toFetch = total(({ internal }) => bucketsOf(internal, settings)) + sum(processes, ({ runs }) => runs);
  const bytes = total(({ internal }) => internal.bytes) + sum(processes, ({ filesSize }) => filesSize);
  const estimate = estimateOf({ bytes, toFetch }, speed, settings);
  return {
    productsCount: summary.products,
    filesCount: summary.files,
    filesSize: summary.bytes,
    references: { files: total((p) => p.references.files), bytes: total((p) => p.references.bytes) },
    subOrders: { toFetch, references: total((p) => Math.ceil(p.references.files / settings.sub_order_max_files)) },
    datasets: summary.datasets.map(({ label, products, files, bytes }) => ({
      datasetLabel: label,
      objectsCount: products,
      filesCount: files,
      filesSize: bytes,
    })),
    ...(processes.length > 0 && { processes }),
    counting: countingFiles(summary),
    ...(estimate && { estimate }),
  };
}

async function runsOf(
  deps: AcceptDeps,
  o: SearchOptions & { readonly selections: readonly Selection[]; readonly settings: Settings },
): Promise<readonly PreviewedRuns[]> {
  const processes = await processesFor(o.selections, readProcessesOf(deps));
  return previewRuns(o.selections, { ...o, catalogue: deps.catalogue, processes });
}

function sum<T>(parts: readonly T[], pick: (part: T) => number): number {
  return parts.reduce((total, part) => total + pick(part), 0);
}

/** The files of a dataset that are fetched, and those that stay where they are. */
function byWhere({ files, bytes, references = {} }: DatasetSummary) {
  const away = Object.values(references).reduce(
    (sum, each) => ({ files: sum.files + each.files, bytes: sum.bytes + each.bytes }),
    { files: 0, bytes: 0 },
  );
  return { references: away, internal: { files: files - away.files, bytes: bytes - away.bytes } };
}

function bucketsOf({ files, bytes }: FileTotals, settings: Settings): number {
  const { sub_order_max_files: maxFiles, sub_order_max_bytes: maxBytes } = settings;
  // A file that alone has more than fits is a sub-order of its own, so there are never more sub-orders than files.
  return Math.min(files, Math.max(Math.ceil(files / maxFiles), Math.ceil(bytes / maxBytes)));
}

/** As if the user's share of the Jobs were free at once. */
export function estimateOf(
  order: { readonly bytes: number; readonly toFetch: number },
  speed: Throughput | undefined,
  settings: Settings,
): OrderPreview["estimate"] {
  if (speed === undefined || speed.bytesPerSecond <= 0) return undefined;
  const most = Math.min(settings.max_running_sub_orders, settings.max_running_sub_orders_per_user);
  const atOnce = Math.max(1, Math.min(order.toFetch, most));
  return {
    seconds: Math.ceil(order.bytes / (speed.bytesPerSecond * atOnce)),
    bytesPerSecond: Math.round(speed.bytesPerSecond * atOnce),
    measuredSubOrders: speed.subOrders,
  };
}
