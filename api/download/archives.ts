/**
 * Finds the archive that a request means: the present files of the order, or an archive handed out before that the client goes on with.
 * A client that names no archive (`curl -C -`, `wget -c`) continues the one asked for last, never a mixture of two.
 */

import { type ArchiveRow, createArchive, findArchive, latestArchive } from "#store/archives.ts";
import type { BlobStore } from "#store/blobs/blob-store.ts";
import type { Db } from "#store/db.ts";
import { allFiles, type FileRow } from "#store/files.ts";
import type { OrderRow } from "#store/orders.ts";
import { type Member, type OrderArchive, orderArchive } from "./archive.ts";
import { placing, type Variant, variantKey } from "./layout.ts";
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
  readonly variant: Variant;
  /** Also what was downloaded before. */
  readonly all: boolean;
  readonly range: string | null;
  readonly ifRange: string | null;
};

/** `resumed`: it is the one that the client has a part of. */
export type Found =
  | { readonly kind: "archive"; readonly archive: OrderArchive; readonly resumed: boolean }
  | { readonly kind: "nothing"; readonly parts: number | undefined };

/** The archive, remembered where it can be made again; or nothing to hold. */
export async function findOrMakeArchive(deps: ArchiveDeps, order: OrderRow, wanted: Wanted): Promise<Found> {
  const { variant } = wanted;
  const before = wanted.range === null ? undefined : await earlier(deps, order, wanted);
  const again = before && (await sameAgain(deps, order, { row: before, variant }));
  if (again) return remembered(deps, { archive: again, resumed: true, variant });
  const { members, parts } = await membersOf(deps.db, order.id, {
    variant,
    wants: (file) => mayHold(file, wanted.all),
  });
  if (members.length === 0) return { kind: "nothing", parts };
  const missing = await missingFiles(
    deps,
    members.map(({ file }) => file),
  );
  const archive = build(deps, { order, variant, members, parts, missing });
  return remembered(deps, { archive, resumed: false, variant });
}

function mayHold(file: FileRow, all: boolean): boolean {
  if (file.state === "AVAILABLE") return true;
  // A reference may be there the next time.
  return all && (file.state === "DOWNLOADED" || (file.reference && file.state === "DOWNLOAD_ERROR"));
}

async function remembered(
  deps: ArchiveDeps,
  o: { archive: OrderArchive; resumed: boolean; variant: Variant },
): Promise<Found> {
  const { orderId, etag, files, plan, missing, references } = o.archive;
  if (references.length === 0) {
    const row = { etag, orderId, files, missing: missing.map((file) => file.id), size: plan.size };
    await createArchive(deps.db, { ...row, variant: variantKey(o.variant), now: deps.now() });
    deps.plans.put(o.archive);
  }
  return { kind: "archive", archive: o.archive, resumed: o.resumed };
}

/** A tag that is not one of this order's archives of the kind means none: then the answer is the whole present archive. */
async function earlier(deps: ArchiveDeps, order: OrderRow, wanted: Wanted): Promise<ArchiveRow | undefined> {
  const variant = variantKey(wanted.variant);
  if (wanted.ifRange === null) return latestArchive(deps.db, order.id, variant);
  const tag = strongTags(wanted.ifRange)[0]?.slice(1, -1);
  const found = tag === undefined ? undefined : await findArchive(deps.db, tag);
  return found?.orderId === order.id && !found.single && found.variant === variant ? found : undefined;
}

/** The archive made again, if every byte of it still can be. */
async function sameAgain(
  deps: ArchiveDeps,
  order: OrderRow,
  { row, variant }: { row: ArchiveRow; variant: Variant },
): Promise<OrderArchive | undefined> {
  const cached = deps.plans.get(row.etag);
  if (cached) return cached;
  const ids = new Set(row.files);
  const { members, parts } = await membersOf(deps.db, order.id, { variant, wants: (file) => ids.has(file.id) });
  if (members.length !== ids.size) return undefined;
  const missing = new Set(row.missing);
  const gone = await missingFiles(
    deps,
    members.map(({ file }) => file),
  );
  if (![...gone].every((id) => missing.has(id))) return undefined;
  const archive = build(deps, { order, variant, members, parts, missing });
  return archive.etag === row.etag ? archive : undefined;
}

/** The wanted files of the variant with their places among all files of the order, and how many parts there are. */
async function membersOf(
  db: Db,
  orderId: number,
  o: { readonly variant: Variant; readonly wants: (file: FileRow) => boolean },
): Promise<{ members: readonly Member[]; parts: number | undefined }> {
  const { part } = o.variant;
  const place = placing(o.variant);
  const members: Member[] = [];
  let parts = 0;
  for await (const page of allFiles(db, orderId)) {
    for (const file of page) {
      const at = place(file);
      parts = at.part;
      if ((!part || at.part === part.number) && o.wants(file)) members.push({ file, place: at });
    }
  }
  return { members, parts: part && parts };
}

function build(
  deps: ArchiveDeps,
  o: {
    order: OrderRow;
    variant: Variant;
    members: readonly Member[];
    parts: number | undefined;
    missing: ReadonlySet<number>;
  },
): OrderArchive {
  const { order, ...content } = o;
  return orderArchive({ ...content, orderId: order.id, modified: order.createdAt, fileUrl: deps.fileUrl });
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
