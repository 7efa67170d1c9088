/**
 * Sends a range of a planned archive. It pulls: nothing is read before the client has room for it. The next few sources are opened ahead,
 * so that many small files in an object store do not cost a round trip each; headers and small files are gathered into larger chunks.
 */
import { type ArchivePlan, type Piece, pieces, type Range } from "./plan.ts";

const GATHER_BYTES = 128 * 1024;
const OPEN_AHEAD = 4;
const PIECES_AHEAD = 16;

/** Opens bytes `start` to `end` (exclusive) of an entry's source. */
export type OpenSource<Source> = (source: Source, range: Range) => Promise<ReadableStream<Uint8Array>>;

/** The bytes of `range`, in order. Ends short with an error when a source fails or gives another number of bytes than planned. */
export async function* archiveBytes<Source>(
  plan: ArchivePlan<Source>,
  range: Range,
  open: OpenSource<Source>,
): AsyncGenerator<Uint8Array> {
  const ahead = openAhead(pieces(plan, range), open);
  let gathered: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of chunks(ahead)) {
      if (size > 0 && size + chunk.length > GATHER_BYTES) {
        yield Buffer.concat(gathered, size);
        gathered = [];
        size = 0;
      }
      if (chunk.length >= GATHER_BYTES) {
        yield chunk;
        continue;
      }
      gathered.push(chunk);
      size += chunk.length;
    }
    if (size > 0) yield Buffer.concat(gathered, size);
  } finally {
    await ahead.close();
  }
}

type Opened<Source> =
  | { readonly kind: "bytes"; readonly bytes: Buffer }
  | { readonly kind: "data"; readonly piece: DataPiece<Source>; readonly stream: Promise<ReadableStream<Uint8Array>> };
/** A stream that takes the next chunk only when its reader asks, and lets the generator clean up when the reader goes away. */
export function streamOf(chunks: AsyncGenerator<Uint8Array>): ReadableStream<Uint8Array> {
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { value, done } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      async cancel() {
        await chunks.return(undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

type DataPiece<Source> = Piece<Source> & { readonly kind: "data" };
type Ahead<Source> = { next(): Opened<Source> | undefined; close(): Promise<void> };

/** Walks the pieces with the sources of the next few already being opened. */
function openAhead<Source>(upcoming: Generator<Piece<Source>>, open: OpenSource<Source>): Ahead<Source> {
  const queue: Opened<Source>[] = [];
  const fill = () => {
    let opened = queue.filter((item) => item.kind === "data").length;
    while (opened < OPEN_AHEAD && queue.length < PIECES_AHEAD) {
      const { value: piece, done } = upcoming.next();
      if (done) return;
      if (piece.kind === "bytes") {
        queue.push(piece);
        continue;
      }
      const stream = open(piece.entry.source, { start: piece.start, end: piece.end });
      stream.catch(() => {}); // told when its turn comes
      queue.push({ kind: "data", piece, stream });
      opened++;
    }
  };
  return {
    next: () => {
      fill();
      return queue.shift();
    },
    close: async () => {
      const unread = queue.flatMap((item) => (item.kind === "data" ? [item.stream.then((s) => s.cancel())] : []));
      await Promise.allSettled(unread);
    },
  };
}

async function* chunks<Source>(ahead: Ahead<Source>): AsyncGenerator<Uint8Array> {
  for (let item = ahead.next(); item; item = ahead.next()) {
    if (item.kind === "bytes") yield item.bytes;
    else yield* exactly(await item.stream, item.piece);
  }
}

/** Passes a source on, and fails where it is not as long as the headers have said. */
async function* exactly<Source>(
  stream: ReadableStream<Uint8Array>,
  piece: DataPiece<Source>,
): AsyncGenerator<Uint8Array> {
  const wanted = piece.end - piece.start;
  let sent = 0;
  for await (const chunk of stream) {
    sent += chunk.length;
    if (sent > wanted) break;
    yield chunk;
  }
  if (sent !== wanted) {
    const found = sent > wanted ? "more" : `${sent}`;
    throw new Error(`Cannot send '${piece.entry.name}': expected ${wanted} bytes, the stored file gave ${found}`);
  }
}
