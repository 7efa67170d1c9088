/** Copies small chunks together and passes large ones on, so that an archive of small files does not leave in thousands of small writes. */
/** A little more than a block of DEFLATE with its header. */
const BYTES = 72 * 1024;

export class Gathered {
  readonly #lend: boolean;
  #held: Buffer | undefined;
  #size = 0;

  /** With `lend` what is given out is good only until the next call. */
  constructor(lend: boolean) {
    this.#lend = lend;
  }

  /** What is to be sent now. `chunk` may be written to again once this has been read to its end. */
  *add(chunk: Uint8Array): Generator<Uint8Array> {
    if (this.#size + chunk.length > BYTES) yield* this.rest();
    if (chunk.length > BYTES) {
      yield chunk;
      return;
    }
    this.#held ??= Buffer.allocUnsafeSlow(BYTES);
    this.#held.set(chunk, this.#size);
    this.#size += chunk.length;
  }

  /** What is still held. */
  *rest(): Generator<Uint8Array> {
    if (!this.#held || this.#size === 0) return;
    const full = this.#held.subarray(0, this.#size);
    if (!this.#lend) this.#held = undefined;
    this.#size = 0;
    yield full;
  }
}
