/**
 * How requests reach an API server: over Bun's `fetch`, or straight into a function of this process.
 * Everything above this file is the same for both, so the operator cannot tell a cluster from the local API server.
 * The official client's own transport cannot be used: on Bun it drops the CA and the client certificate.
 */
import { abortable, limited } from "./pause.ts";

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

  async function once(path: string, init: TransportInit, credentials: Credentials): Promise<Response> {
    const send = (signal?: AbortSignal) => fetch(server + path, requestOf(init, { credentials, signal }));
    if (init.long) return await send(init.signal);
    return await limited(options.callLimitMs ?? CALL_LIMIT_MS, [init.signal], async (signal) =>
      whole(await send(signal)),
    );
  }

  return {
    server,
    namespace: options.namespace,
    async fetch(path, init) {
      const first = await options.credentials({ refresh: false });
      const response = await once(path, init, first);
      if (response.status !== 401) return response;
      const fresh = await options.credentials({ refresh: true });
      if (Bun.deepEquals(fresh, first)) return response;
      await response.body?.cancel();
      return await once(path, init, fresh);
    },
  };
}

function requestOf(
  init: TransportInit,
  o: { readonly credentials: Credentials; readonly signal: AbortSignal | undefined },
): BunFetchRequestInit & { readonly timeout: false } {
  return {
    method: init.method,
    headers: { accept: "application/json", ...init.headers, ...o.credentials.headers },
    tls: o.credentials.tls,
    redirect: "error",
    // Bun ends a silent body after five minutes unless told otherwise.
    timeout: false,
    ...(init.body === undefined ? {} : { body: init.body }),
    ...(o.signal === undefined ? {} : { signal: o.signal }),
  };
}

/** The same answer with its body read to the end, so that the call's time limit covers it. */
async function whole(response: Response): Promise<Response> {
  const { status, statusText, headers } = response;
  const bytes = await response.arrayBuffer();
  return new Response(bytes.byteLength === 0 ? null : bytes, { status, statusText, headers });
}

/** A transport that calls `handle` in this process: no socket, no TLS, the same `Request` and `Response`. */
export function handlerTransport(
  handle: (request: Request) => Response | Promise<Response>,
  options: { readonly namespace: string; readonly token?: string },
): Transport {
  const server = "http://in-process.invalid";

  async function once(path: string, init: TransportInit, signal: AbortSignal | undefined): Promise<Response> {
    const headers = new Headers({ accept: "application/json", ...init.headers });
    if (options.token !== undefined) headers.set("authorization", `Bearer ${options.token}`);
    const request = new Request(server + path, {
      method: init.method,
      headers,
      ...(signal === undefined ? {} : { signal }),
      ...(init.body === undefined ? {} : { body: init.body }),
    });
    const answer = Promise.resolve(handle(request));
    return await (signal === undefined ? answer : abortable(answer, signal));
  }

  return {
    server,
    namespace: options.namespace,
    async fetch(path, init) {
      init.signal?.throwIfAborted();
      if (init.long) return await once(path, init, init.signal);
      return await limited(CALL_LIMIT_MS, [init.signal], (signal) => once(path, init, signal));
    },
  };
}
