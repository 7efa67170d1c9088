/**
 * How requests reach an API server: over Bun's `fetch`, or straight into a function of this process.
 * Everything above this file is the same for both, so the operator cannot tell a cluster from the local API server.
 * The official client's own transport cannot be used: on Bun it drops the CA and the client certificate.
 */

export type TransportInit = {
  readonly method: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
  /** A watch or a log that is followed: silence is normal, so no time limit is set here. */
  readonly long?: boolean;
};

export type Transport = {
  readonly server: string;
  /** Namespace that is used where none is given. */
  readonly namespace: string;
  fetch(path: string, init: TransportInit): Promise<Response>;
};

/** Key material of a connection; what Bun's `fetch` takes as `tls`. */
export type TlsOptions = {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly serverName?: string;
  readonly rejectUnauthorized?: boolean;
};

export type Credentials = { readonly headers: Readonly<Record<string, string>>; readonly tls: TlsOptions };

/** Gives the credentials to use now; `refresh` is set after a 401, when what was given before no longer counts. */
export type CredentialSource = (o: { refresh: boolean }) => Promise<Credentials>;

/** No ordinary call takes longer than this, whatever the network does. */
const CALL_LIMIT_MS = 30_000;

/** A transport over HTTP(S). After a 401 it asks for fresh credentials and tries once more. */
export function fetchTransport(options: {
  readonly server: string;
  readonly namespace: string;
  readonly credentials: CredentialSource;
  readonly callLimitMs?: number;
}): Transport {
  const server = options.server.replace(/\/+$/, "");
  const limit = options.callLimitMs ?? CALL_LIMIT_MS;
  async function send(path: string, init: TransportInit, credentials: Credentials): Promise<Response> {
    const request: BunFetchRequestInit & { timeout: false } = {
      method: init.method,
      headers: { accept: "application/json", ...init.headers, ...credentials.headers },
      tls: credentials.tls,
      redirect: "error",
      // Bun ends a silent body after five minutes unless told otherwise.
      timeout: false,
      signal: deadline(init, limit),
    };
    if (init.body !== undefined) request.body = init.body;
    return await fetch(server + path, request);
  }
  return {
    server,
    namespace: options.namespace,
    async fetch(path, init) {
      const first = await options.credentials({ refresh: false });
      const response = await send(path, init, first);
      if (response.status !== 401) return response;
      const fresh = await options.credentials({ refresh: true });
      if (Bun.deepEquals(fresh, first)) return response;
      await response.body?.cancel();
      return await send(path, init, fresh);
    },
  };
}

/** The caller's signal, and for ordinary calls a limit of our own. */
function deadline(init: TransportInit, limitMs: number): AbortSignal | null {
  if (init.long) return init.signal ?? null;
  const timeout = AbortSignal.timeout(limitMs);
  return init.signal ? AbortSignal.any([init.signal, timeout]) : timeout;
}

/** A transport that calls `handle` in this process: no socket, no serialised TLS, the same `Request` and `Response`. */
export function handlerTransport(
  handle: (request: Request) => Response | Promise<Response>,
  options: { readonly namespace: string; readonly token?: string },
): Transport {
  const server = "http://in-process.invalid";
  return {
    server,
    namespace: options.namespace,
    async fetch(path, init) {
      init.signal?.throwIfAborted();
      const headers = new Headers({ accept: "application/json", ...init.headers });
      if (options.token !== undefined) headers.set("authorization", `Bearer ${options.token}`);
      const request = new Request(server + path, {
        method: init.method,
        headers,
        signal: deadline(init, CALL_LIMIT_MS),
        ...(init.body === undefined ? {} : { body: init.body }),
      });
      return await abortable(Promise.resolve(handle(request)), request.signal);
    },
  };
}

/** Settles as `promise` does, or rejects when the signal aborts first; a handler need not look at its request's signal. */
async function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
