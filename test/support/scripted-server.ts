/**
 * A real HTTP server that plays what a test wants, down to cut connections: what an API server does on its bad days.
 * On node:http, since it lets a test write half an answer and drop the socket.
 */
import { createServer, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";

export type Received = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  /** The body as JSON. */
  json(): Record<string, unknown>;
};

/** What a script does with a request; the helpers cover the usual. */
export type Reply = {
  json(status: number, body: unknown, headers?: Record<string, string>): void;
  /** A Kubernetes `Status` as the answer. */
  status(code: number, reason: string, headers?: Record<string, string>): void;
  /** Starts a stream; write to it for as long as wanted. */
  stream(): Stream;
  /** Closes the connection without an answer. */
  drop(): void;
};

export type Stream = {
  write(bytes: string | Uint8Array): void;
  event(type: string, object: unknown): void;
  end(): void;
  /** Drops the connection in the middle. */
  cut(): void;
  readonly closed: Promise<void>;
};

export type ScriptedServer = { readonly url: string; readonly requests: Received[]; stop(): Promise<void> };

/** Starts a server on a free port of 127.0.0.1; `script` answers each request. */
export async function scriptedServer(
  script: (request: Received, reply: Reply) => void | Promise<void>,
  tls?: ServerOptions,
): Promise<ScriptedServer> {
  const requests: Received[] = [];
  const listener: RequestListener = (request, response) => {
    let body = "";
    request.setEncoding("utf8");
    request.on("data", (chunk: string) => {
      body += chunk;
    });
    request.on("end", () => {
      const url = new URL(request.url ?? "/", "http://server");
      const received: Received = {
        method: request.method ?? "",
        path: url.pathname,
        query: url.searchParams,
        headers: request.headers,
        body,
        json: () => JSON.parse(body) as Record<string, unknown>,
      };
      requests.push(received);
      void script(received, replyOn(response));
    });
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    requests,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function replyOn(response: ServerResponse): Reply {
  return {
    json(status, body, headers = {}) {
      response.writeHead(status, { "content-type": "application/json", ...headers });
      response.end(JSON.stringify(body));
    },
    status(code, reason, headers = {}) {
      response.writeHead(code, { "content-type": "application/json", ...headers });
      response.end(
        JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message: reason }),
      );
    },
    stream() {
      response.writeHead(200, { "content-type": "application/json" });
      response.flushHeaders();
      return {
        write: (bytes) => void response.write(bytes),
        event: (type, object) => void response.write(`${JSON.stringify({ type, object })}\n`),
        end: () => void response.end(),
        cut: () => void response.socket?.destroy(),
        closed: new Promise((resolve) => response.on("close", () => resolve())),
      };
    },
    drop: () => void response.socket?.destroy(),
  };
}
