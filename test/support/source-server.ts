/**
 * A web server that plays an archive's source, good or bad: ranges, entity tags, slow bodies, cut and stalled transfers, 202, 429, redirects.
 * `node:http` underneath, because a truthful Content-Length before a cut body is what such a test is about.
 */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export type SourceFile = {
  bytes: Uint8Array;
  etag?: string;
  contentType?: string;
  /** Answers that come before the file: a status, perhaps with headers. */
  first?: { status: number; headers?: Record<string, string> }[];
  /** Bytes of one body after which the connection is cut, for so many answers. */
  cut?: { after: number; times: number };
  /** Bytes of one body after which nothing more comes, for so many answers. */
  stall?: { after: number; times: number };
  /** Milliseconds between pieces of `pieceBytes`. */
  pace?: { pieceBytes: number; everyMs: number };
  ignoreRange?: boolean;
  /** Chunked transfer: no length is told. */
  hideLength?: boolean;
};

export type SourceServer = {
  readonly url: string;
  readonly port: number;
  readonly files: Map<string, SourceFile>;
  /** What was asked for, in order. */
  readonly requests: {
    path: string;
    range: string | undefined;
    ifRange: string | undefined;
    host: string | undefined;
    authorization: string | undefined;
  }[];
  /** Bytes of bodies sent so far. */
  sent(): number;
  stop(): void;
};

/** Starts the server on a free port of the loopback, or of another address of this machine. */
export async function sourceServer(
  files: Record<string, SourceFile> = {},
  host: string = "127.0.0.1",
): Promise<SourceServer> {
  const known = new Map(Object.entries(files));
  const requests: SourceServer["requests"] = [];
  let sent = 0;
  const server = createServer((request, response) => {
    const path = request.url ?? "/";
    const { range, host, authorization } = request.headers;
    const ifRange = request.headers["if-range"];
    requests.push({ path, range, ifRange: typeof ifRange === "string" ? ifRange : undefined, host, authorization });
    const file = known.get(path.split("?")[0] ?? "");
    if (!file) return void response.writeHead(404).end();
    const first = file.first?.shift();
    if (first) return void response.writeHead(first.status, first.headers).end();
    void serve(request, response, { file, onSent: (count) => (sent += count) });
  });
  server.on("clientError", (_error, socket) => socket.destroy());
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, host, resolve);
  await promise;
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}`,
    port,
    files: known,
    requests,
    sent: () => sent,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  { file, onSent }: { file: SourceFile; onSent: (count: number) => void },
): Promise<void> {
  const from = startOf(request, file);
  if (from !== undefined && from >= file.bytes.length && file.bytes.length > 0) {
    response.writeHead(416, { "content-range": `bytes */${file.bytes.length}` }).end();
    return;
  }
  const to = from === undefined ? file.bytes.length : endOf(request, file);
  const body = file.bytes.subarray(from ?? 0, to);
  response.writeHead(from === undefined ? 200 : 206, {
    "content-type": file.contentType ?? "application/octet-stream",
    ...(file.hideLength ? {} : { "content-length": String(body.length) }),
    ...(file.etag ? { etag: file.etag } : {}),
    ...(from === undefined ? {} : { "content-range": `bytes ${from}-${to - 1}/${file.bytes.length}` }),
  });
  const cut = limited(file.cut);
  const stall = limited(file.stall);
  const end = Math.min(body.length, cut ?? body.length, stall ?? body.length);
  const step = file.pace?.pieceBytes ?? 256 * 1024;
  for (let at = 0; at < end && !response.destroyed; at += step) {
    const piece = body.subarray(at, Math.min(at + step, end));
    const { promise, resolve } = Promise.withResolvers<void>();
    response.once("close", resolve);
    response.write(piece, () => resolve());
    await promise;
    response.off("close", resolve);
    onSent(piece.length);
    if (file.pace) await Bun.sleep(file.pace.everyMs);
  }
  if (stall !== undefined && end === stall) return;
  if (cut === undefined || end !== cut) return void response.end();
  // A reset overtakes bytes that the client has not read yet: give it the time to read them.
  await Bun.sleep(30);
  response.destroy();
}

function limited(limit: { after: number; times: number } | undefined): number | undefined {
  if (!limit || limit.times <= 0) return undefined;
  limit.times--;
  return limit.after;
}

function startOf(request: IncomingMessage, file: SourceFile): number | undefined {
  const range = /^bytes=(\d+)-\d*$/.exec(request.headers.range ?? "")?.[1];
  if (range === undefined || file.ignoreRange) return undefined;
  const condition = request.headers["if-range"];
  return condition !== undefined && condition !== file.etag ? undefined : Number(range);
}

function endOf(request: IncomingMessage, file: SourceFile): number {
  const last = /-(\d+)$/.exec(request.headers.range ?? "")?.[1];
  return last === undefined ? file.bytes.length : Math.min(Number(last) + 1, file.bytes.length);
}
