/**
 * A body of text that is made while it is sent, in chunks of a fair size. When its source fails on the way the connection is cut: the status
 * has gone out by then, and an answer that merely ended would look whole.
 */
import type { Logger } from "pino";
import { cutConnection } from "../http/sent.ts";
import { streamOf } from "../http/stream-of.ts";

const CHUNK_CHARACTERS = 64 * 1024;

export function textBody(
  texts: AsyncGenerator<string>,
  o: { readonly request: Request; readonly logger: Logger },
): ReadableStream<Uint8Array> {
  return streamOf(chunks(texts, o));
}

async function* chunks(
  texts: AsyncGenerator<string>,
  o: { readonly request: Request; readonly logger: Logger },
): AsyncGenerator<Uint8Array> {
  let gathered = "";
  try {
    for await (const text of texts) {
      gathered += text;
      if (gathered.length < CHUNK_CHARACTERS) continue;
      yield Buffer.from(gathered);
      gathered = "";
    }
    if (gathered !== "") yield Buffer.from(gathered);
  } catch (error) {
    o.logger.error({ err: error }, "an answer was cut: its source failed");
    if (!cutConnection(o.request)) throw error;
  }
}
