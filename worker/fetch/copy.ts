/**
 * One pass of bytes: read, hash, write. A source that falls silent is cut; a write that fails is our own storage's problem and is thrown,
 * so that a full disk is never blamed on the file.
 */
import type { Digests } from "./digests.ts";
import type { FetchPolicy } from "./policy.ts";

/** The part of a staging place that a transfer needs. */
export type Sink = {
  readonly size: number;
  read(): ReadableStream<Uint8Array>;
  write(chunk: Uint8Array): Promise<void>;
  truncate(): Promise<void>;
};

export type CopyEnd =
  | { readonly kind: "end" }
  | { readonly kind: "cut"; readonly reason: string }
  | { readonly kind: "tooLong" };

/** Our own storage failed (disk full, folder gone): the run ends, the file is not to blame. */
export class StorageError extends Error {
  override readonly name = "StorageError";
  constructor(cause: unknown) {
    super(`Cannot store bytes: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** Runs an action on our storage; what it throws becomes a StorageError. */
export async function stored<T>(action: Promise<T>): Promise<T> {
  try {
    return await action;
  } catch (error) {
    throw new StorageError(error);
  }
}

export type CopyOptions = {
  readonly sink: Sink;
  readonly digests: Digests;
  readonly limit: { readonly bytes: number } | undefined;
  readonly policy: Pick<FetchPolicy, "stallMs">;
  /** Aborted by the copy itself when the source stalls; whoever opened the stream listens to it. */
  readonly stalled: AbortController;
  readonly signal: AbortSignal;
};

/** Copies the stream into the sink until it ends, breaks, stalls or grows beyond the limit. Throws when the signal aborts or the sink fails. */
export async function copy(stream: ReadableStream<Uint8Array>, options: CopyOptions): Promise<CopyEnd> {
  const { sink, digests, limit, signal } = options;
  const reader = new WatchedReader(stream, options);
  try {
    for (;;) {
      const next = await reader.read();
      signal.throwIfAborted();
      if (next.kind !== "chunk") return next;
      if (limit && digests.size + next.chunk.byteLength > limit.bytes) return { kind: "tooLong" };
      await stored(sink.write(next.chunk));
      digests.update(next.chunk);
    }
  } finally {
    reader.end();
  }
}

type Read = { readonly kind: "chunk"; readonly chunk: Uint8Array } | Exclude<CopyEnd, { kind: "tooLong" }>;

/**
 * Reads with one timer for all reads; the time that writing takes does not count as the source's silence.
 * A stop cancels the reader, which ends a pending read at once (racing each read with a promise would pile up reactions on that promise).
 */
class WatchedReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #options: CopyOptions;
  readonly #timer: ReturnType<typeof setTimeout>;
  #reading = false;

  constructor(stream: ReadableStream<Uint8Array>, options: CopyOptions) {
    this.#reader = stream.getReader();
    this.#options = options;
    this.#timer = setTimeout(this.#expired, options.policy.stallMs);
    options.signal.addEventListener("abort", this.#cancel, { once: true });
  }

  async read(): Promise<Read> {
    const { signal, stalled, policy } = this.#options;
    this.#timer.refresh();
    this.#reading = true;
    try {
      if (signal.aborted) return { kind: "cut", reason: "it was stopped" };
      const { done, value } = await this.#reader.read();
      if (value !== undefined) return { kind: "chunk", chunk: value };
      if (done && !stalled.signal.aborted) return { kind: "end" };
    } catch (error) {
      if (!stalled.signal.aborted) {
        const why = error instanceof Error ? error.message : String(error);
        return { kind: "cut", reason: `the connection broke (${why})` };
      }
    } finally {
      this.#reading = false;
    }
    return { kind: "cut", reason: `no byte for ${policy.stallMs / 1000} s` };
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#options.signal.removeEventListener("abort", this.#cancel);
    this.#cancel();
  }

  readonly #expired = () => {
    if (!this.#reading) return void this.#timer.refresh();
    this.#options.stalled.abort();
    this.#cancel();
  };

  /** Not awaited: cancelling a stream whose source hangs may hang as well. */
  readonly #cancel = () => {
    this.#reader.cancel().catch(() => {});
  };
}
