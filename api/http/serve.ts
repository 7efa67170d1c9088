/**
 * Serves the app over HTTP. On node's server and not on Bun's own, because that one drops the Content-Length of a streamed answer,
 * and an archive without a length cannot be resumed. A stop lets what is under way finish, up to a limit.
 */
import type { Server, ServerResponse } from "node:http";
import { serve } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { lentChunks, sendLent } from "./lent.ts";
import { answersConcluded, attachOutgoing } from "./sent.ts";

export type Served = {
  readonly url: string;
  /** Answers go on, but each asks its client to take another connection the next time: another process is to be found then. */
  drain(): void;
  /** No new connections; waits for what is under way, then cuts it. */
  stop(o?: { readonly withinMs?: number }): Promise<void>;
};

/** What can be asked in-process can be served. */
export type App = { handle(request: Request): Response | Promise<Response> };

const STOP_WITHIN_MS = 30_000;
const IDLE_CHECK_MS = 50;

export function serveApi(app: App, o: { readonly host: string; readonly port: number }): Promise<Served> {
  let draining = false;
  return new Promise((resolve, reject) => {
    const server = serve(
      {
        fetch: async (incoming, { outgoing }) => {
          const request = routable(incoming);
          const answer = outgoing as ServerResponse;
          attachOutgoing(request, answer);
          const response = await app.handle(request);
          if (draining) response.headers.set("connection", "close");
          const lent = lentChunks(response);
          if (!lent) return response;
          await sendLent(response, lent, answer);
          return RESPONSE_ALREADY_SENT;
        },
        hostname: o.host,
        port: o.port,
        // Else it replaces the global Response, and every other server of the process fails.
        overrideGlobalObjects: false,
      },
      (info) => {
        server.off("error", reject);
        const host = o.host.includes(":") ? `[${o.host}]` : o.host;
        resolve({
          url: `http://${host}:${info.port}`,
          drain: () => {
            draining = true;
          },
          stop: (options) => stop(server, options?.withinMs ?? STOP_WITHIN_MS),
        });
      },
    ) as Server;
    server.once("error", reject);
  });
}

/** Elysia looks for the path from the twelfth character of the address on: a host of three letters or fewer would swallow a part of it. */
function routable(request: Request): Request {
  const { url, method, headers, signal, body } = request;
  const path = url.indexOf("/", "http://".length);
  if (path >= 11) return request;
  const bodiless = method === "GET" || method === "HEAD";
  return new Request(`http://localhost${url.slice(path)}`, {
    method,
    headers: [...headers],
    signal,
    ...(bodiless ? {} : { body, duplex: "half" }),
  });
}

function stop(server: Server, withinMs: number): Promise<void> {
  return new Promise((resolve) => {
    // A connection whose last answer has gone stays open for a next request, unless it is closed: look again and again.
    const idle = setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS);
    const cut = setTimeout(() => server.closeAllConnections(), withinMs);
    server.close(() => {
      clearInterval(idle);
      clearTimeout(cut);
      resolve(answersConcluded());
    });
  });
}
