/** All digests of a file in one pass over its bytes: SHA-256 (its name in the blob store), CRC-32 (for the zip) and the catalogue's own. */
import { crc32 } from "node:zlib";
import { CryptoHasher } from "bun";
import type { HashName } from "#sources/checksum.ts";

export type Digested = {
  readonly size: number;
  readonly sha256: string;
  readonly crc32: number;
  /** Hexadecimal digest by the algorithm asked for. */
  readonly wanted?: string;
};

export class Digests {
  #size = 0;
  #crc = 0;
  readonly #sha256 = new CryptoHasher("sha256");
  readonly #wanted: CryptoHasher | undefined;
  readonly #wantsSha256: boolean;

  /** `wanted`: the algorithm of the catalogue's checksum. */
  constructor(wanted?: HashName) {
    this.#wantsSha256 = wanted === "sha256";
    this.#wanted = wanted === undefined || wanted === "sha256" ? undefined : new CryptoHasher(wanted);
  }

  get size(): number {
    return this.#size;
  }

  update(chunk: Uint8Array): void {
    this.#size += chunk.byteLength;
    this.#crc = crc32(chunk, this.#crc);
    this.#sha256.update(chunk);
    this.#wanted?.update(chunk);
  }

  /** The digests; nothing may be added afterwards. */
  finish(): Digested {
    const sha256 = this.#sha256.digest("hex");
    const wanted = this.#wantsSha256 ? sha256 : this.#wanted?.digest("hex");
    return { size: this.#size, sha256, crc32: this.#crc, ...(wanted === undefined ? {} : { wanted }) };
  }
}
