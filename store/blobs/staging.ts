/**
 * Bytes on their way, as files of a folder: `<hash of key>/<boot or "kept">-<unique>.part`. Every attempt writes a file of its own, a copy
 * of what an earlier one left: so an attempt that was thought dead can never write into bytes that another has hashed or published.
 * What a killed process left is trusted only while the machine has not restarted (a power cut may leave holes); kept files were synced.
 */
import { createHash, randomUUID } from "node:crypto";
import { constants, readFileSync } from "node:fs";
import { copyFile, type FileHandle, mkdir, open, readdir, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BlobStoreFull, type Staging } from "./blob-store.ts";

const KEPT = "kept";

/** What becomes of a complete, synced file; it must be gone from its path afterwards. */
export type Publish = (path: string, sha256: string) => Promise<void>;

/** Opens a staging file below `folder`, with the bytes of an earlier attempt for the same key if there are any. */
export async function openStaging(folder: string, key: string, o: { url: string; publish: Publish }): Promise<Staging> {
  const own = join(folder, createHash("sha256").update(key).digest("hex").slice(0, 40));
  const path = join(own, `${bootId()}-${randomUUID()}.part`);
  try {
    const size = await takeOver(own, path);
    return new StagedFile(await open(path, "r+"), { path, size, ...o });
  } catch (error) {
    throw asFull(error, o.url);
  }
}

/** Removes the staging files that nobody has written to since `before`. */
export async function sweepStagingFolder(folder: string, before: Date): Promise<void> {
  for (const key of await namesIn(folder)) {
    const own = join(folder, key);
    for (const name of await namesIn(own)) {
      const path = join(own, name);
      const modified = await stat(path).catch(() => undefined);
      if (modified && modified.mtimeMs < before.getTime()) await rm(path, { force: true });
    }
    await removeIfEmpty(own);
  }
}

class StagedFile implements Staging {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #url: string;
  readonly #publish: Publish;
  #size: number;
  #open = true;

  constructor(file: FileHandle, o: { path: string; size: number; url: string; publish: Publish }) {
    this.#file = file;
    this.#path = o.path;
    this.#size = o.size;
    this.#url = o.url;
    this.#publish = o.publish;
  }

  get size(): number {
    return this.#size;
  }

  read(): ReadableStream<Uint8Array> {
    return Bun.file(this.#path).slice(0, this.#size).stream();
  }

  async write(chunk: Uint8Array): Promise<void> {
    try {
      for (let done = 0; done < chunk.length; ) {
        const { bytesWritten } = await this.#file.write(chunk, done, chunk.length - done, this.#size);
        done += bytesWritten;
        this.#size += bytesWritten;
      }
    } catch (error) {
      throw asFull(error, this.#url);
    }
  }

  async truncate(): Promise<void> {
    await this.#file.truncate(0);
    this.#size = 0;
  }

  async commit(sha256: string): Promise<void> {
    if (!this.#open) return;
    try {
      await this.#file.sync();
      await this.#publish(this.#path, sha256);
    } catch (error) {
      throw asFull(error, this.#url);
    }
    await this.#close();
  }

  async abandon(): Promise<void> {
    if (!this.#open) return;
    await rm(this.#path, { force: true });
    await this.#close();
  }

  async keep(): Promise<void> {
    if (!this.#open) return;
    await this.#file.sync();
    await rename(this.#path, join(dirname(this.#path), `${KEPT}-${randomUUID()}.part`));
    await this.#close();
  }

  async #close(): Promise<void> {
    this.#open = false;
    await this.#file.close();
    await removeIfEmpty(dirname(this.#path));
  }
}

/** Makes the file at `path`: a copy of the largest that may be trusted, else empty; the others go. Returns its size. */
async function takeOver(own: string, path: string): Promise<number> {
  await mkdir(own, { recursive: true });
  const left = await Promise.all(
    (await namesIn(own)).map(async (name) => ({
      name,
      size: (await stat(join(own, name)).catch(() => undefined))?.size ?? 0,
    })),
  );
  const trusted = left.filter(({ name }) => name.startsWith(`${KEPT}-`) || name.startsWith(`${bootId()}-`));
  const best = trusted.reduce<(typeof left)[number] | undefined>((a, b) => (a && a.size >= b.size ? a : b), undefined);
  const copied = best !== undefined && (await copyIfThere(join(own, best.name), path));
  if (!copied) await (await open(path, "w")).close();
  await Promise.all(left.map(({ name }) => rm(join(own, name), { force: true })));
  return (await stat(path)).size;
}

async function copyIfThere(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    return true;
  } catch (error) {
    if (hasCode(error, ["ENOENT"])) return false;
    throw error;
  }
}

let boot: string | undefined;

/** Changes with every start of the machine; where that cannot be known, with every start of the program. */
function bootId(): string {
  boot ??= readBootId();
  return boot;
}

function readBootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim().replaceAll("-", "");
  } catch {
    return randomUUID().replaceAll("-", "");
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((error: unknown) => {
    if (hasCode(error, ["ENOENT", "ENOTDIR"])) return [];
    throw error;
  });
}

async function removeIfEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((error: unknown) => {
    if (!hasCode(error, ["ENOTEMPTY", "EEXIST", "ENOENT"])) throw error;
  });
}

export function hasCode(error: unknown, codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

/** The error, as BlobStoreFull where that is what it means. */
export function asFull(error: unknown, url: string): unknown {
  return hasCode(error, ["ENOSPC", "EDQUOT"]) ? new BlobStoreFull(url, { cause: error }) : error;
}
