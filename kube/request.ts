/**
 * One call to an API server: sends it, waits out a server that asks for patience (429 or 503 with `Retry-After`), reads the JSON answer,
 * turns everything else into a `KubeError`. Other failures are not retried here: that is the work queue's business, which backs off per key.
 */
import { KubeError } from "./errors.ts";
import { pause } from "./pause.ts";
import type { Transport, TransportInit } from "./transport.ts";

/** What a call is about, for error messages. */
export type RequestTarget = {
  readonly transport: Transport;
  readonly verb: string;
  readonly resource: string;
  readonly name?: string;
};

export type Call = {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
  /** A 404 answers `undefined` instead of an error. */
  readonly missingIsFine?: boolean;
  readonly signal?: AbortSignal | undefined;
};

const PATIENCE = { attempts: 5, longestMs: 30_000, totalMs: 60_000 } as const;

/** Sends a call and parses its answer. */
export async function callJson<T>(target: RequestTarget, call: Call): Promise<T | undefined> {
  const response = await patiently(target, {
    path: call.path,
    init: {
      method: call.method,
      ...(call.body === undefined
        ? {}
        : { body: call.body, headers: { "content-type": call.contentType ?? "application/json" } }),
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    },
  });
  if (response.status === 404 && call.missingIsFine) {
    await response.body?.cancel();
    return undefined;
  }
  if (!response.ok) throw await errorFrom(response, target);
  return await answered(target, call.signal, () => response.json() as Promise<T>);
}

/** An answer that must be there: `undefined` is for calls that allow a 404. */
export function expectOk<T>(answer: T | undefined, target: RequestTarget): T {
  if (answer !== undefined) return answer;
  throw new KubeError("empty answer", { ...target, status: 0, reason: "Unreachable" });
}

/** Opens a stream that may stay silent for long. */
export async function openStream(
  target: RequestTarget,
  call: { readonly path: string; readonly signal?: AbortSignal | undefined },
): Promise<ReadableStream<Uint8Array>> {
  const init = { method: "GET", long: true, ...(call.signal === undefined ? {} : { signal: call.signal }) };
  const response = await patiently(target, { path: call.path, init });
  if (!response.ok) throw await errorFrom(response, target);
  if (response.body === null) throw new KubeError("empty answer", { ...target, status: 0, reason: "Unreachable" });
  return response.body;
}

async function patiently(
  target: RequestTarget,
  call: { readonly path: string; readonly init: TransportInit },
): Promise<Response> {
  let waited = 0;
  for (let attempt = 1; ; attempt++) {
    const response = await answered(target, call.init.signal, () => target.transport.fetch(call.path, call.init));
    const wait = askedToWait(response);
    if (wait === undefined || attempt === PATIENCE.attempts || wait > PATIENCE.longestMs) return response;
    waited += wait;
    if (waited > PATIENCE.totalMs) return response;
    await response.body?.cancel();
    await pause(wait, call.init.signal);
  }
}

function askedToWait(response: Response): number | undefined {
  return response.status === 429 || response.status === 503 ? retryAfterMs(response) : undefined;
}

/** `Retry-After` in seconds, the only form that Kubernetes sends. */
function retryAfterMs(response: Response): number | undefined {
  const header = response.headers.get("retry-after");
  return header !== null && /^\d{1,6}$/.test(header) ? Number(header) * 1000 : undefined;
}

/** Runs a step of a call; a failure that is not an answer becomes a `KubeError` of status 0, an abort by the caller stays what it is. */
async function answered<T>(target: RequestTarget, signal: AbortSignal | undefined, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (signal?.aborted) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new KubeError(`no answer: ${message}`, { ...target, status: 0, reason: "Unreachable", cause: error });
  }
}

type StatusBody = { readonly message?: string; readonly reason?: string };

async function errorFrom(response: Response, target: RequestTarget): Promise<KubeError> {
  const text = await response.text().catch(() => "");
  const status = parseStatus(text);
  const message = status.message ?? (text.trim().slice(0, 200) || response.statusText);
  return new KubeError(`${message} (${response.status})`, {
    ...target,
    status: response.status,
    reason: status.reason ?? reasonOf(response.status),
    retryAfterMs: retryAfterMs(response),
  });
}

function parseStatus(text: string): StatusBody {
  try {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? (body as StatusBody) : {};
  } catch {
    return {};
  }
}

/** The reason word for an answer that carries none, as a proxy before the server sends it. */
function reasonOf(status: number): string {
  const words: Readonly<Record<number, string>> = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Gone",
    422: "Invalid",
    429: "TooManyRequests",
    503: "ServiceUnavailable",
    504: "Timeout",
  };
  return words[status] ?? "Unknown";
}
