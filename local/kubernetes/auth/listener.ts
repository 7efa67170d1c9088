/** The server on the network: TLS, and no request without the token. Watches and followed logs may be silent for as long as they like. */

import { MAX_BODY } from "../request/body.ts";
import { statusAnswer } from "../respond/answer.ts";
import { noSuchPath, unauthorized } from "../status.ts";
import { certificates } from "./certificates.ts";
import { writeKubeconfig } from "./kubeconfig.ts";
import { carriesToken, keptToken } from "./token.ts";

export type ListenOptions = {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Where the authority, the certificate and the token are kept. */
  readonly folder: string;
  readonly now: () => Date;
};

export type Listener = {
  /** `https://host:port` */
  readonly url: string;
  readonly port: number;
  writeKubeconfig(path: string, o?: { namespace?: string }): Promise<void>;
  stop(): Promise<void>;
};

/** Open to everybody, as by a real server. */
const PUBLIC = ["/healthz", "/livez", "/readyz", "/version"];

function isLong(url: URL): boolean {
  const { searchParams } = url;
  return searchParams.has("watch") || searchParams.get("follow") === "true";
}

export async function listen(handle: (request: Request) => Promise<Response>, o: ListenOptions): Promise<Listener> {
  const { ca, cert, key } = await certificates(o.folder, { host: o.host, now: o.now() });
  const token = await keptToken(o.folder);
  const server = Bun.serve({
    hostname: o.host,
    port: o.port,
    tls: { cert, key },
    idleTimeout: 120,
    maxRequestBodySize: 2 * MAX_BODY,
    async fetch(request, bun) {
      if (!URL.canParse(request.url)) return statusAnswer(noSuchPath().status);
      const url = new URL(request.url);
      if (!PUBLIC.includes(url.pathname) && !carriesToken(request, token)) return statusAnswer(unauthorized().status);
      if (isLong(url)) bun.timeout(request, 0);
      const answer = await handle(request);
      return url.searchParams.has("watch") ? startedAtOnce(answer) : answer;
    },
  });
  const port = server.port ?? o.port;
  const url = `https://${o.host.includes(":") ? `[${o.host}]` : o.host}:${port}`;
  return {
    url,
    port,
    writeKubeconfig: (path, { namespace = "default" } = {}) =>
      writeKubeconfig(path, { server: url, ca, token, namespace }),
    stop: () => server.stop(true),
  };
}

/**
 * Bun sends a response's head together with the first bytes of its body, and a client waits for the head of a watch before anything else.
 * An empty line is none to whoever reads JSON.
 */
export function startedAtOnce(answer: Response): Response {
  if (!answer.ok || !answer.body) return answer;
  const reader = answer.body.getReader();
  let started = false;
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (!started) {
          started = true;
          controller.enqueue(new Uint8Array([0x0a]));
          return;
        }
        const { done, value } = await reader.read();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
  return new Response(body, { headers: answer.headers });
}
