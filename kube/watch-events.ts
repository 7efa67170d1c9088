/**
 * The stream of a watch, decoded: JSON lines that may be cut anywhere, also inside a UTF-8 character.
 * A line that the connection's end cut short is dropped: its event comes again when the watch is taken up from the last version seen.
 */
import { KubeError } from "./errors.ts";
import type { KubeObject } from "./resource.ts";

export type WatchEvent<T> =
  | { readonly kind: "added" | "updated" | "deleted"; readonly object: T }
  /** Nothing changed up to this version: go on from here. */
  | { readonly kind: "bookmark"; readonly resourceVersion: string };

type RawEvent = { readonly type: string; readonly object: KubeObject };
type RawStatus = { readonly code?: number; readonly reason?: string; readonly message?: string };

/** Events of a watch's body; an `ERROR` event is thrown as `KubeError`. */
export async function* decodeWatch<T extends KubeObject>(
  body: ReadableStream<Uint8Array>,
  options: { readonly resource: string; readonly signal?: AbortSignal | undefined },
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  const lines = jsonLines(body, options.signal);
  try {
    for (;;) {
      const line = await nextLine(lines, options);
      if (line === undefined) return;
      const event = decodeEvent<T>(line, options.resource);
      if (event !== undefined) yield event;
    }
  } finally {
    await lines.return();
  }
}

/** The next line; a connection that broke is unreachable, as for any call. */
async function nextLine(
  lines: AsyncGenerator<string>,
  options: { readonly resource: string; readonly signal?: AbortSignal | undefined },
): Promise<string | undefined> {
  try {
    const { done, value } = await lines.next();
    return done ? undefined : value;
  } catch (error) {
    if (options.signal?.aborted) throw error;
    const message = `connection lost: ${error instanceof Error ? error.message : String(error)}`;
    const details = { status: 0, reason: "Unreachable", verb: "watch", resource: options.resource };
    throw new KubeError(message, { ...details, cause: error });
  }
}

function decodeEvent<T extends KubeObject>(line: string, resource: string): WatchEvent<T> | undefined {
  const raw = JSON.parse(line) as RawEvent;
  switch (raw.type) {
    case "ADDED":
      return { kind: "added", object: raw.object as T };
    case "MODIFIED":
      return { kind: "updated", object: raw.object as T };
    case "DELETED":
      return { kind: "deleted", object: raw.object as T };
    case "BOOKMARK":
      return { kind: "bookmark", resourceVersion: raw.object.metadata.resourceVersion ?? "" };
    case "ERROR":
      throw streamError(raw.object as unknown as RawStatus, resource);
    default:
      return undefined;
  }
}

function streamError(status: RawStatus, resource: string): KubeError {
  return new KubeError(status.message ?? "the server ended the watch with an error", {
    status: status.code ?? 500,
    reason: status.reason ?? "Unknown",
    verb: "watch",
    resource,
  });
}

/** Lines of a byte stream, without the empty ones. Ends, with the signal's reason thrown, as soon as the signal aborts. */
export async function* jsonLines(
  body: ReadableStream<Uint8Array>,
  signal?: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const onAbort = () => void reader.cancel(signal?.reason).catch(() => {});
  signal?.addEventListener("abort", onAbort, { once: true });
  let parts: string[] = [];
  try {
    for (;;) {
      signal?.throwIfAborted();
      const { done, value } = await reader.read();
      signal?.throwIfAborted();
      if (done) return;
      const lines = decoder.decode(value, { stream: true }).split("\n");
      parts.push(lines[0] ?? "");
      for (let i = 1; i < lines.length; i++) {
        const line = parts.join("");
        parts = [lines[i] ?? ""];
        if (line.trim() !== "") yield line;
      }
    }
  } finally {
    signal?.removeEventListener("abort", onAbort);
    await reader.cancel().catch(() => {});
  }
}
