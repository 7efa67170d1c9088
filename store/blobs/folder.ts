/**
 * Blobs as files of a folder, for one machine or a shared volume: `blobs/ab/cd/<sha256>`, staging beside them on the same file system.
 * A blob gets its name by a rename after its bytes are on disk, and the folder is synced after: a crash leaves all of it or nothing.
 */
import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, rename, rm, stat, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { BlobMissing, type BlobStore, type ByteRange, blobName, type StoredBlob } from "./blob-store.ts";
import { asFull, hasCode, openStaging, sweepStagingFolder } from "./staging.ts";

/** Makes the folder if it is not there. */
export async function folderBlobStore(root: string): Promise<BlobStore> {
  const blobs = join(root, "blobs");
  const staging = join(root, "staging");
  const url = pathToFileURL(root).href;
  await Promise.all([mkdir(blobs, { recursive: true }), mkdir(staging, { recursive: true })]);
  const path = (sha256: string) => join(blobs, blobName(sha256));
  return {
    url,
    stage: (key) =>
      openStaging(staging, key, { url, publish: (from, sha256) => publish(from, { root: blobs, to: path(sha256) }) }),
    put: (sha256, bytes) => put(bytes, { url, small: join(staging, SMALL), root: blobs, to: path(sha256) }),
    open: async (sha256, range) => openBlob(path(sha256), sha256, range),
    path,
    size: async (sha256) => (await statIfThere(path(sha256)))?.size,
    remove: async (sha256) => rm(path(sha256), { force: true }),
    list: () => listBlobs(blobs),
    freeBytes: async () => {
      const { bavail, bsize } = await statfs(root);
      return bavail * bsize;
    },
    sweepStaging: (before) => sweepStagingFolder(staging, before),
  };
}

/** Folder in the staging area for bytes that are written in one go; it is swept like that of a key. */
const SMALL = "small";

async function put(
  bytes: Uint8Array,
  { url, small, root, to }: { url: string; small: string; root: string; to: string },
): Promise<void> {
  const from = join(small, `${randomUUID()}.part`);
  const write = () => writeFile(from, bytes, { flush: true });
  try {
    await write().catch(async (error: unknown) => {
      if (!hasCode(error, ["ENOENT"])) throw error;
      await mkdir(small, { recursive: true });
      await write();
    });
    await publish(from, { root, to });
  } catch (error) {
    await rm(from, { force: true });
    throw asFull(error, url);
  }
}

async function openBlob(path: string, sha256: string, range?: ByteRange): Promise<ReadableStream<Uint8Array>> {
  if (!(await statIfThere(path))) throw new BlobMissing(sha256);
  const file = Bun.file(path);
  return (range ? file.slice(range.start, range.end) : file).stream();
}

async function publish(from: string, { root, to }: { root: string; to: string }): Promise<void> {
  const folder = dirname(to);
  if ((await mkdir(folder, { recursive: true })) !== undefined) {
    await syncFolder(dirname(folder));
    await syncFolder(root);
  }
  await rename(from, to);
  await syncFolder(folder);
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function* listBlobs(root: string): AsyncIterable<StoredBlob> {
  for (const first of await readdir(root)) {
    for (const second of await readdir(join(root, first))) {
      for (const sha256 of await readdir(join(root, first, second))) {
        const found = await statIfThere(join(root, first, second, sha256));
        if (found) yield { sha256, size: found.size, modified: found.mtime };
      }
    }
  }
}

async function statIfThere(path: string) {
  return stat(path).catch((error: unknown) => {
    if (hasCode(error, ["ENOENT"])) return undefined;
    throw error;
  });
}
