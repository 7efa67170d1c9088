/**
 * Finds the archive that a request means: the present files of the order, or an archive handed out before that the client goes on with.
 * A client that names no archive (`curl -C -`, `wget -c`) continues the one asked for last, never a mixture of two.
 */

import { type ArchiveRow, createArchive, filesByIds, findArchive, latestArchive } from "#store/archives.ts";
import type { BlobStore } from "#store/blobs/blob-store.ts";
import type { Db } from "#store/db.ts";
import { archiveFiles, type FileRow } from "#store/files.ts";
import type { OrderRow } from "#store/orders.ts";
import { type OrderArchive, orderArchive } from "./archive.ts";
import { missingFiles } from "./presence.ts";
import { strongTags } from "./range.ts";

export type ArchiveDeps = {
  readonly db: Db;
  readonly blobs: BlobStore;
  readonly now: () => Date;
  readonly fileUrl: (id: number) => string;
  readonly plans: PlanCache;
};

export type Wanted = {
  /** Also what was downloaded before. */
  readonly all: boolean;
  readonly range: string | null;
  readonly ifRange: string | null;
};

/** The archive, remembered; undefined when it would hold nothing. `resumed`: it is the one that the client has a part of. */
export async function findOrMakeArchive(
  deps: ArchiveDeps,
  order: OrderRow,
  wanted: Wanted,
): Promise<{ readonly archive: OrderArchive; readonly resumed: boolean } | undefined> {
  const before = wanted.range === null ? undefined : await earlier(deps, order, wanted.ifRange);
  const again = before && (await sameAgain(deps, order, before));
  const archive = again ?? (await present(deps, order, wanted.all));
  if (!archive) return undefined;
  const { etag, files, missing, plan } = archive;
  await createArchive(deps.db, { etag, orderId: order.id, files, missing, size: plan.size, now: deps.now() });
  return { archive, resumed: again !== undefined };
}

/** A tag that is not one of this order's archives means none: then the answer is the whole present archive. */
async function earlier(deps: ArchiveDeps, order: OrderRow, ifRange: string | null): Promise<ArchiveRow | undefined> {
  if (ifRange === null) return latestArchive(deps.db, order.id);
  const tag = strongTags(ifRange)[0]?.slice(1, -1);
  const found = tag === undefined ? undefined : await findArchive(deps.db, tag);
  return found?.orderId === order.id && !found.single ? found : undefined;
}

/** The archive made again, if every byte of it still can be. */
async function sameAgain(deps: ArchiveDeps, order: OrderRow, row: ArchiveRow): Promise<OrderArchive | undefined> {
  const cached = deps.plans.get(row.etag);
  if (cached) return cached;
  const files = (await Array.fromAsync(filesByIds(deps.db, order.id, row.files))).flat();
  const missing = new Set(row.missing);
  if (files.length !== row.files.length) return undefined;
  const gone = await missingFiles(deps, files);
  if (![...gone].every((id) => missing.has(id))) return undefined;
  const archive = build(deps, { order, files, missing });
  return archive.etag === row.etag ? archive : undefined;
}

async function present(deps: ArchiveDeps, order: OrderRow, all: boolean): Promise<OrderArchive | undefined> {
  const files: FileRow[] = [];
  for await (const page of archiveFiles(deps.db, order.id)) {
    files.push(...(all ? page : page.filter((file) => file.state === "AVAILABLE")));
  }
  if (files.length === 0) return undefined;
  return build(deps, { order, files, missing: await missingFiles(deps, files) });
}

function build(
  deps: ArchiveDeps,
  o: { order: OrderRow; files: readonly FileRow[]; missing: ReadonlySet<number> },
): OrderArchive {
  const { order, files, missing } = o;
  const content = { orderId: order.id, modified: order.createdAt, files, missing, fileUrl: deps.fileUrl };
  const archive = orderArchive(content);
  deps.plans.put(archive);
  return archive;
}

export type PlanCache = {
  get(etag: string): OrderArchive | undefined;
  put(archive: OrderArchive): void;
  /** For an archive that turned out not to be sendable. */
  drop(etag: string): void;
};

/** Keeps the plans used last, for downloads over many connections; bounded by the number of entries in all of them. */
export function planCache(maxEntries = 200_000): PlanCache {
  const plans = new Map<string, OrderArchive>();
  let entries = 0;
  const remove = (etag: string) => {
    entries -= plans.get(etag)?.plan.entries.length ?? 0;
    plans.delete(etag);
  };
  return {
    get(etag) {
      const archive = plans.get(etag);
      if (!archive) return undefined;
      plans.delete(etag);
      plans.set(etag, archive);
      return archive;
    },
    put(archive) {
      remove(archive.etag);
      plans.set(archive.etag, archive);
      entries += archive.plan.entries.length;
      for (const etag of plans.keys()) {
        if (entries <= maxEntries) return;
        remove(etag);
      }
    },
    drop: remove,
  };
}
