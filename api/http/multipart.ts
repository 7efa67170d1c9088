/**
 * One part of a multipart form (RFC 7578), as it arrives: nothing of the body is kept beyond a boundary's length, so a file can be refused
 * after its first lines. Other parts are skipped.
 */
import { HttpProblem } from "./problem.ts";

const HEADERS_END = "\r\n\r\n";
const MAX_HEADERS = 16 * 1024;

/** The bytes of the part of that name. 415 for another kind of body, 400 for a form without it, 413 beyond `maxBytes`. */
export async function* formPart(
  request: Request,
  name: string,
  o: { readonly maxBytes: number },
): AsyncGenerator<Buffer> {
  const delimiter = `\r\n--${boundaryOf(request)}`;
  const source = new MarkedBytes(request.body ?? new ReadableStream(), o.maxBytes);
  try {
    await drain(source.until(delimiter));
    for (;;) {
      // The last boundary has two dashes behind it, and often nothing after them.
      if (await source.startsWith("--")) throw broken(`expected a part named '${name}'`);
      const headers = await text(source.until(HEADERS_END));
      if (partName(headers) === name) {
        yield* source.until(delimiter);
        return;
      }
      await drain(source.until(delimiter));
    }
  } finally {
    await source.close();
  }
}

function boundaryOf(request: Request): string {
  const type = request.headers.get("content-type") ?? "";
  const [, quoted, plain] =
    /^multipart\/form-data\s*;.*?\bboundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(type) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) {
    throw new HttpProblem(415, [`Cannot read the body: expected multipart/form-data, got '${type.slice(0, 100)}'`]);
  }
  return boundary;
}

function partName(headers: string): string | undefined {
  const disposition = /^content-disposition:(.*)$/im.exec(headers)?.[1] ?? "";
  const [, quoted, plain] = /;\s*name=(?:"([^"]*)"|([^\s;"]+))/i.exec(disposition) ?? [];
  return quoted ?? plain;
}

async function drain(bytes: AsyncIterable<Buffer>): Promise<void> {
  for await (const _ of bytes);
}

async function text(bytes: AsyncIterable<Buffer>): Promise<string> {
  let read = "";
  for await (const chunk of bytes) {
    read += chunk.toString("latin1");
    if (read.length > MAX_HEADERS) throw broken("its headers are too long");
  }
  return read;
}

function broken(reason: string): HttpProblem {
  return new HttpProblem(400, [`Cannot read the form: ${reason}`], { connection: "close" });
}

/** A stream read up to marks. */
class MarkedBytes {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #maxBytes: number;
  // The first boundary stands at the very start, with no end of line before it.
  #held: Buffer = Buffer.from("\r\n");
  #size = 0;

  constructor(stream: ReadableStream<Uint8Array>, maxBytes: number) {
    this.#reader = stream.getReader();
    this.#maxBytes = maxBytes;
  }

  /** Everything before the mark, which is left out; 400 when it never comes. */
  async *until(mark: string): AsyncGenerator<Buffer> {
    for (;;) {
      const at = this.#held.indexOf(mark, 0, "latin1");
      if (at >= 0) {
        const before = this.#held.subarray(0, at);
        this.#held = this.#held.subarray(at + mark.length);
        yield before;
        return;
      }
      // What could be the beginning of a mark stays.
      const safe = Math.max(0, this.#held.length - mark.length + 1);
      const before = this.#held.subarray(0, safe);
      this.#held = this.#held.subarray(safe);
      if (safe > 0) yield before;
      this.#held = Buffer.concat([this.#held, await this.#more()]);
    }
  }

  /** Whether this comes next; it is not taken. */
  async startsWith(mark: string): Promise<boolean> {
    while (this.#held.length < mark.length) this.#held = Buffer.concat([this.#held, await this.#more()]);
    return this.#held.toString("latin1", 0, mark.length) === mark;
  }

  async #more(): Promise<Uint8Array> {
    const { done, value } = await this.#reader.read();
    if (done) throw broken("it ends in the middle");
    this.#size += value.length;
    if (this.#size > this.#maxBytes) {
      throw new HttpProblem(413, [`Cannot read the form: larger than ${this.#maxBytes} bytes`], {
        connection: "close",
      });
    }
    return value;
  }

  /** The rest is not read. */
  async close(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }
}
