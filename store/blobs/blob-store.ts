/**
 * What a place for bytes must do, whatever it is made of. Blobs are named by their SHA-256 and never change; a name is given
 * in one step after all bytes are safe, so there is no half blob. Bytes on their way lie in a staging area, where an interrupted fetch goes on.
 */

export type ByteRange = {
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
};

export type BlobStore = {
  readonly url: string;
  /** Room for bytes on their way. The key is the same for the same source file, so that a later attempt finds what an earlier one got. */
  stage(key: string): Promise<Staging>;
  /** Stores bytes that are all here already: quicker than staging for a small file, and as safe once it resolves. */
  put?(sha256: string, bytes: Uint8Array): Promise<void>;
  /** Throws BlobMissing. */
  open(sha256: string, range?: ByteRange): Promise<ReadableStream<Uint8Array>>;
  /** Where the bytes lie as a file, if they do. */
  path?(sha256: string): string;
  size(sha256: string): Promise<number | undefined>;
  /** Removing what is not there is fine. */
  remove(sha256: string): Promise<void>;
  list(): AsyncIterable<StoredBlob>;
  /** Room left, where there is a limit. */
  freeBytes(): Promise<number | undefined>;
  /** Removes what was staged and then left alone since before that time. */
  sweepStaging(before: Date): Promise<void>;
};

export type StoredBlob = { readonly sha256: string; readonly size: number; readonly modified: Date };

/** One writer's bytes: nobody else writes to the same place, even under the same key. */
export type Staging = {
  /** Bytes so far, those of an earlier attempt included. */
  readonly size: number;
  /** Those bytes once more, to hash them again. */
  read(): ReadableStream<Uint8Array>;
  write(chunk: Uint8Array): Promise<void>;
  /** Forgets all bytes. */
  truncate(): Promise<void>;
  /** Makes the bytes a blob, once they are safe on disk; may be repeated. The caller has hashed what it wrote and read. */
  commit(sha256: string): Promise<void>;
  /** Gives the bytes up. */
  abandon(): Promise<void>;
  /** Leaves the bytes for the next attempt. */
  keep(): Promise<void>;
};

export class BlobMissing extends Error {
  readonly sha256: string;

  constructor(sha256: string) {
    super(`Cannot open blob '${sha256}': no such blob`);
    this.name = "BlobMissing";
    this.sha256 = sha256;
  }
}

/** No room left for the bytes: more may come when blobs are given back. */
export class BlobStoreFull extends Error {
  constructor(url: string, options?: ErrorOptions) {
    super(`Cannot store bytes in '${url}': no space left`, options);
    this.name = "BlobStoreFull";
  }
}

/** `ab/cd/abcd…`: two levels, so that no folder gets more than a few thousand entries. Refuses what is not a SHA-256, so a name cannot lead elsewhere. */
export function blobName(sha256: string): string {
  if (!/^[0-9a-f]{64}$/.test(sha256))
    throw new Error(`Cannot name a blob: expected 64 hexadecimal digits, got '${sha256.slice(0, 80)}'`);
  return `${sha256.slice(0, 2)}/${sha256.slice(2, 4)}/${sha256}`;
}
