/**
 * Sends a range of a planned archive. It pulls: nothing is read before the client has room for it. The next few sources are opened ahead,
 * so that many small files in an object store do not cost a round trip each; headers and small files are gathered into larger chunks.
 */
import { Gathered } from "./gathered.ts";
import { type ArchivePlan, type Piece, pieces, type Range } from "./plan.ts";

const OPEN_AHEAD = 4;
const PIECES_AHEAD = 16;

/** Bytes that are read once, or given up unread. A ReadableStream is one. */
export type Readable = AsyncIterable<Uint8Array> & { cancel(): Promise<void> };

/** Opens bytes `start` to `end` (exclusive) of an entry's source. */
export type OpenSource<Source> = (source: Source, range: Range) => Promise<Readable>;

/**
 * The bytes of `range`, in order. Ends short with an error when a source fails or gives another number of bytes than planned. With `lend`
 * a chunk is good only until the next is asked for, and a source's chunks need not live longer either.
 */
export async function* archiveBytes<Source>(
  plan: ArchivePlan<Source>,
  range: Range,
  open: OpenSource<Source>,
  o: { readonly lend?: boolean } = {},
): AsyncGenerator<Uint8Array, void> {
  const ahead = openAhead(pieces(plan, range), open);
  const gathered = new Gathered(o.lend === true);
  try {
    for (let item = ahead.next(); item; item = ahead.next()) {
      if (item.kind === "bytes") {
        yield* gathered.add(item.bytes);
        continue;
      }
      const length = new Length(item.piece);
      for await (const chunk of await item.opened) {
        length.add(chunk);
        yield* gathered.add(chunk);
      }
      length.end();
    }
    yield* gathered.rest();
  } finally {
    await ahead.close();
  }
}

type DataPiece<Source> = Piece<Source> & { readonly kind: "data" };
type Opened<Source> =
  | { readonly kind: "bytes"; readonly bytes: Buffer }
  | { readonly kind: "data"; readonly piece: DataPiece<Source>; readonly opened: Promise<Readable> };
type Ahead<Source> = { next(): Opened<Source> | undefined; close(): Promise<void> };

/** Walks the pieces with the sources of the next few already being opened. */
function openAhead<Source>(upcoming: Generator<Piece<Source>>, open: OpenSource<Source>): Ahead<Source> {
  const queue: Opened<Source>[] = [];
  const fill = () => {
    let count = queue.filter((item) => item.kind === "data").length;
    while (count < OPEN_AHEAD && queue.length < PIECES_AHEAD) {
      const { value: piece, done } = upcoming.next();
      if (done) return;
      if (piece.kind === "bytes") {
        queue.push(piece);
        continue;
      }
      const opened = open(piece.entry.source, { start: piece.start, end: piece.end });
      opened.catch(() => {}); // told when its turn comes
      queue.push({ kind: "data", piece, opened });
      count++;
    }
  };
  return {
    next: () => {
      fill();
      return queue.shift();
    },
    close: async () => {
      const unread = queue.flatMap((item) =>
        item.kind === "data" ? [item.opened.then((bytes) => bytes.cancel())] : [],
      );
      await Promise.allSettled(unread);
    },
  };
}

/** Fails where a source is not as long as the headers have said. */
class Length {
  readonly #name: string;
  readonly #wanted: number;
  #seen = 0;

  constructor(piece: DataPiece<unknown>) {
    this.#name = piece.entry.name;
    this.#wanted = piece.end - piece.start;
  }

  add(chunk: Uint8Array): void {
    this.#seen += chunk.length;
    if (this.#seen > this.#wanted) this.#fail("more");
  }

  end(): void {
    if (this.#seen !== this.#wanted) this.#fail(`${this.#seen}`);
  }

  #fail(found: string): never {
    throw new Error(`Cannot send '${this.#name}': expected ${this.#wanted} bytes, the stored file gave ${found}`);
  }
}
