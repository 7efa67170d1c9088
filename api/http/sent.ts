/**
 * Whether an answer really left. A body stream that was read to its end says only that the bytes lie in our own buffers; the server's
 * response knows when the last of them was handed to the network, or that the client went away before.
 */
import type { ServerResponse } from "node:http";

const outgoing = new WeakMap<Request, ServerResponse>();

/** Called by the server for each request that it hands to the app. */
export function attachOutgoing(request: Request, response: ServerResponse): void {
  outgoing.set(request, response);
}

/** Whether the answer goes out over a connection, and not to a caller in this process. */
export function hasConnection(request: Request): boolean {
  return outgoing.has(request);
}

/** Resolves when the answer is over: true if all of it was handed to the network. Without a server (in-process) that is at once. */
export function whenSent(request: Request): Promise<boolean> {
  const response = outgoing.get(request);
  if (!response || response.writableFinished) return Promise.resolve(true);
  if (response.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    response.once("finish", () => resolve(true));
    response.once("close", () => resolve(response.writableFinished));
  });
}

/** Resolves when the answer is over, sent or not. Undefined without a server. */
export function whenClosed(request: Request): Promise<void> | undefined {
  const response = outgoing.get(request);
  if (!response) return undefined;
  return response.closed || response.destroyed
    ? Promise.resolve()
    : new Promise((resolve) => {
        response.once("close", resolve);
      });
}

/** Calls back once the answer is over, whoever ended it. In-process there is nothing to hear of. */
export function onAnswerOver(request: Request, over: () => void): void {
  const response = outgoing.get(request);
  if (response?.destroyed) over();
  else response?.once("close", over);
}

/** Cuts the connection, so that the client sees that the answer is not whole. False where there is none. */
export function cutConnection(request: Request): boolean {
  const response = outgoing.get(request);
  response?.destroy();
  return response !== undefined;
}

const unfinished = new Set<Promise<void>>();

/** Work that follows an answer which has gone: an orderly stop waits for it. Must not fail. */
export function afterAnswer(work: Promise<void>): void {
  unfinished.add(work);
  void work.finally(() => unfinished.delete(work));
}

export async function answersConcluded(): Promise<void> {
  await Promise.all(unfinished);
}
