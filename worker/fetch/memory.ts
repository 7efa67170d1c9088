/** Room for one small file in memory, with the face of a staging place: a file that comes in one piece needs no place to go on from. */
import type { BlobStore, Staging } from "#store/blobs/blob-store.ts";

/** Files up to this size are fetched into memory; larger ones are worth resuming. */
export const SMALL_BYTES = 256 * 1024;

/** A staging place for the file, in memory where it is known to be small and the store can take it in one go. */
export function placeFor(blobs: BlobStore, key: string, size: number | undefined): Promise<Staging> {
  const put = blobs.put?.bind(blobs);
  return put && size !== undefined && size <= SMALL_BYTES ? Promise.resolve(new MemoryPlace(put)) : blobs.stage(key);
}

class MemoryPlace implements Staging {
  readonly #put: (sha256: string, bytes: Uint8Array) => Promise<void>;
  #parts: Uint8Array[] = [];
  #size = 0;

  constructor(put: (sha256: string, bytes: Uint8Array) => Promise<void>) {
    this.#put = put;
  }

  get size(): number {
    return this.#size;
  }

  read(): ReadableStream<Uint8Array> {
    return new Blob(this.#parts.map((part) => part.slice())).stream();
  }

  async write(chunk: Uint8Array): Promise<void> {
    this.#parts.push(chunk);
    this.#size += chunk.byteLength;
  }

  async truncate(): Promise<void> {
    this.#parts = [];
    this.#size = 0;
  }

  async commit(sha256: string): Promise<void> {
    const [only] = this.#parts;
    await this.#put(sha256, only && this.#parts.length === 1 ? only : Buffer.concat(this.#parts));
  }

  abandon(): Promise<void> {
    return this.truncate();
  }

  keep(): Promise<void> {
    return this.truncate();
  }
}
