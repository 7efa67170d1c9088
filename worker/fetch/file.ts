/**
 * One ordered file from its source to a blob: reuse what is stored already, else transfer, check against the catalogue, publish.
 * A difference to the catalogue is the file's error, after one more try from byte 0; a failure of our own storage is thrown.
 */
import type { Logger } from "pino";
import { type Expected, expectedChecksum } from "#sources/checksum.ts";
import type { Source } from "#sources/source.ts";
import type { BlobStore, Staging } from "#store/blobs/blob-store.ts";
import type { FileResult, WorkFile } from "#store/files.ts";
import { stored } from "./copy.ts";
import { type Digested, Digests } from "./digests.ts";
import { placeFor } from "./memory.ts";
import type { FetchPolicy } from "./policy.ts";
import { type Transferred, transfer } from "./transfer.ts";
import { type VersionNote, versionNote } from "./version.ts";

export type FetchContext = {
  readonly source: Source;
  readonly blobs: BlobStore;
  /** Announces a blob that is about to be stored. */
  touch(blob: { readonly sha256: string; readonly size: number }): Promise<void>;
  /** Touches a blob that is known, and tells its size. */
  known(sha256: string): Promise<number | undefined>;
  /** Names the same file the same way in every attempt. */
  stagingKey(file: WorkFile): string;
  readonly policy: FetchPolicy;
  /** 0: no limit. */
  readonly maxFileBytes: number;
  readonly maxSilenceSeconds: number;
  readonly now: () => Date;
  readonly random: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

/** Fetches one file. Throws when the run is stopped, our storage fails, or the database is away. */
export async function fetchFile(file: WorkFile, context: FetchContext): Promise<FileResult> {
  const { maxFileBytes, now } = context;
  if (file.retryAfter && file.retryAfter > now()) {
    return patient(file, context, { retryAfterMs: file.retryAfter.getTime() - now().getTime(), reason: "" });
  }
  if (maxFileBytes > 0 && (file.size ?? 0) > maxFileBytes) return failed(file, tooLarge(maxFileBytes, file.size));
  const expected = expectedChecksum(file.checksum, file.algorithm);
  if (expected.kind === "unknown")
    context.logger.warn({ file: file.id, checksum: expected.text }, "cannot check checksum");
  const there = await reuse(expected, context);
  return there ? available(file, there) : bring(file, expected, context);
}

/** The digests of the blob that the catalogue's SHA-256 names, if it is stored and sound. */
async function reuse(expected: Expected, { blobs, known, signal }: FetchContext): Promise<Digested | undefined> {
  if (expected.kind !== "digest" || expected.algorithm !== "sha256") return undefined;
  const sha256 = expected.hex;
  if ((await known(sha256)) === undefined || (await stored(blobs.size(sha256))) === undefined) return undefined;
  const digests = new Digests();
  for await (const chunk of await stored(blobs.open(sha256))) {
    signal.throwIfAborted();
    digests.update(chunk);
  }
  const digested = digests.finish();
  return digested.sha256 === sha256 ? digested : undefined;
}

async function bring(file: WorkFile, expected: Expected, context: FetchContext): Promise<FileResult> {
  const key = context.stagingKey(file);
  const staging = await stored(placeFor(context.blobs, key, file.size));
  const note = versionNote(context.blobs, key, file.size);
  try {
    const result = await transferAndCheck(file, { ...context, expected, staging, note });
    if (result.kind === "complete") return await publish(file, result.digested, { ...context, staging, note });
    if (result.kind === "failed") {
      await stored(staging.abandon());
      await stored(note.forget());
      return failed(file, result.reason);
    }
    await leave(staging);
    return patient(file, context, result);
  } catch (error) {
    await leave(staging).catch(() => {});
    throw error;
  }
}

/** What is staged stays for the next attempt. */
function leave(staging: Staging): Promise<void> {
  return stored(staging.size > 0 ? staging.keep() : staging.abandon());
}

type Bring = FetchContext & { readonly expected: Expected; readonly staging: Staging; readonly note: VersionNote };

async function transferAndCheck(file: WorkFile, options: Bring): Promise<Transferred> {
  const { expected, staging, note, maxFileBytes } = options;
  const checked = expected.kind === "digest";
  const validator = checked || staging.size === 0 ? undefined : await stored(note.recall());
  for (let again = false; ; again = true) {
    const result = await transfer(file.uri, {
      ...options,
      sink: staging,
      hash: checked ? expected.algorithm : undefined,
      limit: limitOf(file, maxFileBytes),
      ...(validator === undefined || again ? {} : { validator }),
      trustStaged: checked && !again,
      onVersion: (version) => (checked ? Promise.resolve() : stored(note.remember(version))),
    });
    if (result.kind !== "complete") return result;
    const difference = differenceOf(file, expected, result.digested);
    if (difference === undefined) return result;
    if (again) return { kind: "failed", reason: difference };
    options.logger.warn({ file: file.id, difference }, "file differs from the catalogue, fetching it once more");
    await stored(staging.truncate());
  }
}

function limitOf(file: WorkFile, maxFileBytes: number) {
  const { size } = file;
  if (size !== undefined) {
    return { bytes: size, reason: (sent?: number) => sizeDiffers(size, sent === undefined ? "more" : `${sent} bytes`) };
  }
  return maxFileBytes > 0
    ? { bytes: maxFileBytes, reason: (sent?: number) => tooLarge(maxFileBytes, sent) }
    : undefined;
}

/** How the bytes differ from what the catalogue says, naming both. */
function differenceOf(file: WorkFile, expected: Expected, digested: Digested): string | undefined {
  if (file.size !== undefined && file.size !== digested.size) return sizeDiffers(file.size, `${digested.size} bytes`);
  if (expected.kind !== "digest" || expected.hex === digested.wanted) return undefined;
  const name = expected.algorithm.toUpperCase();
  return `Checksum differs: the catalogue says ${name} ${expected.hex}, the source sent ${digested.wanted ?? "nothing"}`;
}

function sizeDiffers(size: number, sent: string): string {
  return `Size differs: the catalogue says ${size} bytes, the source sent ${sent}`;
}

function tooLarge(most: number, size: number | undefined): string {
  return `Cannot take file: it is larger than ${most} bytes${size === undefined ? "" : ` (${size})`}`;
}

async function publish(
  file: WorkFile,
  digested: Digested,
  { staging, note, touch }: FetchContext & { staging: Staging; note: VersionNote },
): Promise<FileResult> {
  await touch({ sha256: digested.sha256, size: digested.size });
  await stored(staging.commit(digested.sha256));
  await stored(note.forget());
  return available(file, digested);
}

function available(file: WorkFile, { sha256, size, crc32 }: Digested): FileResult {
  return { kind: "available", id: file.id, sha256, size, crc32 };
}

function failed(file: WorkFile, error: string): FileResult {
  return { kind: "failed", id: file.id, error };
}

/** Not ready: asked again later, unless the source has been saying so for longer than the tenant allows. */
function patient(
  file: WorkFile,
  { now, maxSilenceSeconds }: FetchContext,
  { retryAfterMs, reason }: { retryAfterMs: number; reason: string },
): FileResult {
  const since = file.notReadySince?.getTime() ?? now().getTime();
  const next = now().getTime() + retryAfterMs;
  if (now().getTime() - since >= maxSilenceSeconds * 1000) {
    return failed(
      file,
      `Source had not made the file ready after ${maxSilenceSeconds} s${reason ? `: ${reason}` : ""}`,
    );
  }
  // The last chance comes when the patience ends, however late the source wants to be asked.
  const retryAfter = new Date(Math.min(next, since + maxSilenceSeconds * 1000));
  return { kind: "notReady", id: file.id, retryAfter, ...(reason ? { reason } : {}) };
}
