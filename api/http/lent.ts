/**
 * Bodies that lend their buffers: a chunk is good only until the next one is asked for, so that a download holds one buffer and not as many
 * as the collector has not come round to. They are sent here, where the next chunk is asked for once the network has taken the one before.
 */
import type { ServerResponse } from "node:http";
import { hasConnection } from "./sent.ts";
import { streamOf } from "./stream-of.ts";

export type Chunks = AsyncGenerator<Uint8Array, void>;

const lenders = new WeakMap<ReadableStream<Uint8Array>, Chunks>();

/** The body of the answer to `request`. `chunks` is told whether it may lend: not to a caller in this process, who may keep what it gets. */
export function lendingBody(request: Request, chunks: (lend: boolean) => Chunks): ReadableStream<Uint8Array> {
  const lend = hasConnection(request);
  const bytes = chunks(lend);
  const body = streamOf(bytes);
  if (lend) lenders.set(body, bytes);
  return body;
}

/** What the answer lends; it must then be sent by `sendLent`. */
export function lentChunks(response: Response): Chunks | undefined {
  return response.body === null ? undefined : lenders.get(response.body);
}

/** Sends head and body. A body that fails, or a client that goes away, ends the connection and the body. */
export async function sendLent(response: Response, chunks: Chunks, outgoing: ServerResponse): Promise<void> {
  const write = writer(outgoing);
  try {
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.flushHeaders();
    for await (const chunk of chunks) if (!(await write(chunk))) return;
    outgoing.end();
  } catch {
    outgoing.destroy();
  }
}

/** Writes a chunk; true once the network has taken it: only then may its buffer be filled again. False when the client has gone. */
function writer(outgoing: ServerResponse): (chunk: Uint8Array) => Promise<boolean> {
  let told: (taken: boolean) => void = () => {};
  const answer = (error?: Error | null) => told(!error);
  outgoing.once("close", () => told(false));
  return (chunk) =>
    new Promise((resolve) => {
      told = resolve;
      if (outgoing.destroyed) resolve(false);
      else outgoing.write(chunk, answer);
    });
}
