/**
 * A file that is passed on from its source while somebody reads it, nothing of it kept. A source that does not answer, breaks off or falls silent
 * is asked again a few times; it goes on where it was only while the source still has the same version, or two versions would be glued together.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Opened, Source, Validator } from "./source.ts";

export type ThroughPolicy = {
  /** Tries in a row without a byte. */
  readonly tries: number;
  readonly pauseMs: number;
  /** For the answer's head. */
  readonly answerMs: number;
  /** Without a byte while one is waited for. */
  readonly silentMs: number;
};

export const THROUGH_POLICY: ThroughPolicy = { tries: 3, pauseMs: 500, answerMs: 30_000, silentMs: 60_000 };

export type ThroughOptions = {
  /** Bytes from here on; the whole file unless told. */
  readonly start?: number;
  /** Up to here (exclusive). */
  readonly end?: number | undefined;
  /** The part only if the source still has this version; else the whole file. */
  readonly ifMatch?: Validator;
  /** 0: no limit. */
  readonly maxBytes: number;
  readonly policy: ThroughPolicy;
  readonly signal: AbortSignal;
};

export type Through = {
  readonly kind: "through";
  /** A part was asked for and is what the bytes are; else they are the whole file. */
  readonly part: boolean;
  readonly total?: number;
  readonly validator?: Validator;
  /** Read once; throws ThroughError when the file cannot be had to its end. */
  bytes(): AsyncGenerator<Uint8Array, void>;
  /** Instead of reading. */
  cancel(): void;
};

export type NotThrough = {
  readonly kind: "refused";
  readonly why: "notReady" | "beyond" | "silent" | "failed" | "forbidden";
  readonly reason: string;
  readonly status?: number;
  readonly retryAfterMs?: number;
};

export class ThroughError extends Error {
  override readonly name = "ThroughError";
  readonly status: number | undefined;
  /** Bytes of the file that have passed before. */
  readonly passed: number;
  readonly total: number | undefined;

  constructor(reason: string, o: { status?: number | undefined; passed: number; total?: number | undefined }) {
    super(reason);
    this.status = o.status;
    this.passed = o.passed;
    this.total = o.total;
  }
}

type Bytes = Extract<Opened, { kind: "bytes" }>;
type Attempt = { readonly opened: Bytes; readonly connection: AbortController } | NotThrough;

/** Opens the file. Throws only when the signal aborts. */
export async function openThrough(source: Source, uri: string, o: ThroughOptions): Promise<Through | NotThrough> {
  const first = await attempts(source, uri, { ...o, offset: o.start ?? 0 });
  if ("kind" in first) return first;
  const { total, validator, resumed } = first.opened;
  const cancel = () => first.connection.abort();
  if (o.maxBytes > 0 && (total ?? 0) > o.maxBytes) {
    cancel();
    return { kind: "refused", why: "forbidden", reason: tooLarge(o.maxBytes, total) };
  }
  const { start = 0, end } = o;
  // Of what begins at byte 0 a part can be made of the whole, unless the whole came because the version is another.
  const part = (start > 0 || end !== undefined) && (resumed || (start === 0 && o.ifMatch === undefined));
  return {
    kind: "through",
    part,
    ...(total !== undefined && { total }),
    ...(validator !== undefined && { validator }),
    bytes: () => passOn(source, uri, { ...o, first, start: part ? start : 0, end: part ? end : undefined }),
    cancel,
  };
}

type Passing = ThroughOptions & {
  readonly first: Exclude<Attempt, NotThrough>;
  readonly start: number;
};

async function* passOn(source: Source, uri: string, o: Passing): AsyncGenerator<Uint8Array, void> {
  const { total, validator } = o.first.opened;
  const until = Math.min(o.end ?? Number.POSITIVE_INFINITY, total ?? Number.POSITIVE_INFINITY);
  let current = o.first;
  let at = o.start;
  for (let tries = 0; ; ) {
    const before = at;
    const end = yield* readOn(current, { ...o, until, at, moved: (to) => (at = to) });
    if (end === undefined) return;
    tries = at > before ? 1 : tries + 1;
    const lost = (reason: string, status?: number) => new ThroughError(reason, { status, passed: at, total });
    if (validator === undefined || tries >= o.policy.tries) throw lost(end);
    const next = await attempts(source, uri, { ...o, offset: at, ifMatch: validator });
    if ("kind" in next) throw lost(next.reason, next.status);
    if (!next.opened.resumed) {
      next.connection.abort();
      throw lost("Its source has another version of it now");
    }
    current = next;
  }
}

/** Passes on what one connection gives; why it ended too soon, if it did. */
async function* readOn(
  { opened, connection }: Exclude<Attempt, NotThrough>,
  o: Passing & { readonly until: number; readonly at: number; readonly moved: (at: number) => void },
): AsyncGenerator<Uint8Array, string | undefined> {
  const reader = opened.stream.getReader();
  let at = o.at;
  try {
    while (at < o.until) {
      const next = await readInTime(reader, connection, o.policy.silentMs);
      if (typeof next === "string") return next;
      if (next === undefined) return o.until === Number.POSITIVE_INFINITY ? undefined : `It ended after ${at} bytes`;
      const chunk = next.subarray(0, Math.min(next.length, o.until - at));
      at += chunk.length;
      if (o.maxBytes > 0 && at > o.maxBytes) throw new ThroughError(tooLarge(o.maxBytes, undefined), { passed: at });
      yield chunk;
      o.moved(at);
    }
    return undefined;
  } finally {
    connection.abort();
    // Not awaited: cancelling a stream whose source hangs may hang as well.
    reader.cancel().catch(() => {});
  }
}

/** The next chunk, undefined at the end, or what went wrong. */
async function readInTime(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  connection: AbortController,
  silentMs: number,
): Promise<Uint8Array | undefined | string> {
  let silent = false;
  const timer = setTimeout(() => {
    silent = true;
    connection.abort();
    reader.cancel().catch(() => {});
  }, silentMs);
  const silence = `No byte came for ${silentMs / 1000} s`;
  try {
    const { value } = await reader.read();
    return silent ? silence : value;
  } catch {
    return silent ? silence : "The connection to its source broke";
  } finally {
    clearTimeout(timer);
  }
}

type Asking = ThroughOptions & { readonly offset: number };

/** Asks until there is an answer that another try would not better. */
async function attempts(source: Source, uri: string, o: Asking): Promise<Attempt> {
  for (let turn = 0; ; turn++) {
    const attempt = await ask(source, uri, { ...o, turn });
    const last = turn + 1 >= o.policy.tries;
    if (!("again" in attempt)) return attempt;
    if (last) return attempt.again;
    await pause(o.policy.pauseMs * 2 ** turn, undefined, { signal: o.signal });
  }
}

async function ask(
  source: Source,
  uri: string,
  o: Asking & { readonly turn: number },
): Promise<Attempt | { readonly again: NotThrough }> {
  const connection = new AbortController();
  const stop = () => connection.abort(o.signal.reason);
  o.signal.addEventListener("abort", stop, { once: true });
  const timer = setTimeout(() => connection.abort(), o.policy.answerMs);
  const { offset, end, ifMatch, turn } = o;
  try {
    o.signal.throwIfAborted();
    const wanted = { offset, turn, ...(end !== undefined && { end }), ...(ifMatch !== undefined && { ifMatch }) };
    const opened = await source.open(uri, { ...wanted, signal: connection.signal });
    return opened.kind === "bytes" ? { opened, connection } : judged(opened);
  } catch (error) {
    o.signal.throwIfAborted();
    if (!connection.signal.aborted) throw error;
    const reason = `Its source did not answer within ${o.policy.answerMs / 1000} s`;
    return { again: { kind: "refused", why: "silent", reason } };
  } finally {
    clearTimeout(timer);
    o.signal.removeEventListener("abort", stop);
  }
}

function judged(opened: Exclude<Opened, Bytes>): NotThrough | { readonly again: NotThrough } {
  const { reason, status, retryAfterMs } = opened;
  const told = {
    kind: "refused",
    reason,
    ...(status !== undefined && { status }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  } as const;
  if (opened.kind === "notReady") return { ...told, why: "notReady" };
  if (opened.restart) return { ...told, why: "beyond" };
  if (opened.permanent) return { ...told, why: status === undefined ? "forbidden" : "failed" };
  const refused: NotThrough = { ...told, why: "failed" };
  return opened.busy ? refused : { again: refused };
}

function tooLarge(most: number, size: number | undefined): string {
  return `Cannot take file: it is larger than ${most} bytes${size === undefined ? "" : ` (${size})`}`;
}
