/**
 * Files of which only the address is known, on their way through an archive: fetched from their source while they are sent, one after another,
 * checked against the catalogue as they pass. What fails is told in the notices at the archive's end; the archive itself stays whole.
 */
import { CryptoHasher } from "bun";
import { type Expected, expectedChecksum } from "#sources/checksum.ts";
import { openSources } from "#sources/open.ts";
import type { Source } from "#sources/source.ts";
import { type NotThrough, openThrough, THROUGH_POLICY, type Through, ThroughError } from "#sources/through.ts";
import type { Db } from "#store/db.ts";
import type { FileRow } from "#store/files.ts";
import { readSettings } from "#store/settings.ts";
import { MISSING_REASON, type OrderArchive } from "./archive.ts";
import { type Failure, noticeFiles } from "./notice.ts";
import type { LateEntry } from "./zip/late.ts";

export type SourcesDeps = {
  readonly db: Db;
  readonly now: () => Date;
  /** ORDER_SOURCE_S3_*: where `s3:` files lie. */
  readonly env: Readonly<Record<string, string | undefined>>;
};

export type OpenReference = (
  file: FileRow,
  o: { readonly start?: number; readonly end?: number; readonly ifMatch?: string; readonly signal: AbortSignal },
) => Promise<Through | NotThrough>;

/** Opens references by the tenant's present settings. */
export async function referenceOpener({ db, now, env }: SourcesDeps): Promise<OpenReference> {
  const settings = await readSettings(db);
  const source: Source = openSources(settings, { env, now });
  const common = { maxBytes: settings.max_file_bytes, policy: THROUGH_POLICY };
  return (file, o) => openThrough(source, file.uri, { ...common, ...o });
}

/** What became of the references of one download; filled while it goes on. */
export type Outcome = { readonly sent: number[]; readonly failed: Failure[] };

export type ReferencesOptions = {
  readonly open: OpenReference;
  readonly fileUrl: (id: number) => string;
  readonly signal: AbortSignal;
};

/** The references as entries, and the notices of all that is not in the archive behind them. */
export async function* referenceEntries(
  archive: OrderArchive,
  outcome: Outcome,
  o: ReferencesOptions,
): AsyncGenerator<LateEntry> {
  for (const file of archive.missing) outcome.failed.push({ file, reason: MISSING_REASON });
  for (const { name, file, fileIds } of archive.references) {
    const opened = await o.open(file, { signal: o.signal });
    if (opened.kind === "refused") {
      outcome.failed.push(refused(file, opened));
      continue;
    }
    const differs = sizeDiffers(file, opened.total);
    if (differs !== undefined) {
      opened.cancel();
      outcome.failed.push({ file, reason: differs });
      continue;
    }
    const state: { failure?: Failure } = {};
    const expected = opened.total ?? file.cataloguedSize;
    const bytes = checked(file, { opened, name, state });
    yield { name, bytes, ...(expected !== undefined && { expected }) };
    if (state.failure) outcome.failed.push(state.failure);
    else outcome.sent.push(...fileIds);
  }
  for (const { name, bytes } of noticeFiles(archive.orderId, outcome.failed, o.fileUrl)) {
    yield { name, expected: bytes.length, bytes: one(bytes) };
  }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function refused(file: FileRow, { reason, status }: NotThrough): Failure {
  // The contract's words where the source has answered.
  const told = status === undefined ? reason : `Server returned HTTP error code ${status}`;
  return { file, reason: told, ...(status !== undefined && { sourceStatus: status }) };
}

/** The bytes, which end where the file does or where it breaks: that, or a difference to the catalogue, is left in `state`. */
async function* checked(
  file: FileRow,
  o: { readonly opened: Through; readonly name: string; readonly state: { failure?: Failure } },
): AsyncGenerator<Uint8Array> {
  const expected = expectedChecksum(file.checksum, file.algorithm);
  const hash = expected.kind === "digest" ? new CryptoHasher(expected.algorithm) : undefined;
  let size = 0;
  try {
    for await (const chunk of o.opened.bytes()) {
      hash?.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  } catch (error) {
    if (!(error instanceof ThroughError)) throw error;
    o.state.failure = { ...broken(file, error), entry: o.name };
    return;
  }
  const reason = sizeDiffers(file, size) ?? checksumDiffers(expected, hash?.digest("hex"));
  if (reason !== undefined) o.state.failure = { file, reason, entry: o.name };
}

function broken(file: FileRow, error: ThroughError): Failure {
  const total = error.total ?? file.cataloguedSize;
  const whole = `Cannot completely download data file from storage, only ${error.passed}/${total} bytes`;
  return {
    file,
    reason: total === undefined ? `Error during file download: ${error.message}` : whole,
    ...(error.status !== undefined && { sourceStatus: error.status }),
  };
}

function sizeDiffers({ cataloguedSize }: FileRow, size: number | undefined): string | undefined {
  if (cataloguedSize === undefined || size === undefined || size === cataloguedSize) return undefined;
  return `Size differs: the catalogue says ${cataloguedSize} bytes, the source has ${size}`;
}

function checksumDiffers(expected: Expected, actual: string | undefined): string | undefined {
  if (expected.kind !== "digest" || expected.hex === actual) return undefined;
  const name = expected.algorithm.toUpperCase();
  return `Checksum differs: the catalogue says ${name} ${expected.hex}, the source sent ${actual}`;
}
