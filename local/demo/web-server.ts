/**
 * The web server that holds the demo's archive, on the loopback. It takes its time with large files, as an archive does, so that
 * the progress can be seen; it knows ranges, as the fetching side resumes.
 */
import type { Archive, ArchiveFile } from "./archive.ts";

const CHUNK = 64 * 1024;

export type WebServer = { readonly url: string; readonly host: string; stop(): Promise<void> };

/** Serves the archive; `chunkDelayMs` passes before each 64 KiB of a file. */
export function serveArchive(archive: Archive, options: { chunkDelayMs: number }): WebServer {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const file = archive.files.get(new URL(request.url).pathname);
      if (!file) return new Response("Not found\n", { status: 404 });
      return answer(file, request, options.chunkDelayMs);
    },
  });
  const host = `127.0.0.1:${server.port}`;
  return { url: `http://${host}`, host, stop: () => server.stop(true) };
}

function answer(file: ArchiveFile, request: Request, delay: number): Response {
  const headers = { "Content-Type": file.type, ETag: `"${file.sha256}"`, "Accept-Ranges": "bytes" };
  const range = /^bytes=(\d+)-$/.exec(request.headers.get("Range") ?? "")?.[1];
  const unchanged = (request.headers.get("If-Range") ?? headers.ETag) === headers.ETag;
  const start = range !== undefined && unchanged ? Number(range) : 0;
  const size = file.bytes.byteLength;
  if (start >= size) return new Response(null, { status: 416, headers: { "Content-Range": `bytes */${size}` } });
  if (request.method === "HEAD") return new Response(null, { headers: { ...headers, "Content-Length": String(size) } });
  const body = slowly(file.bytes.subarray(start), delay);
  if (start === 0) return new Response(body, { headers });
  return new Response(body, {
    status: 206,
    headers: { ...headers, "Content-Range": `bytes ${start}-${size - 1}/${size}` },
  });
}

function slowly(bytes: Uint8Array, delay: number): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      if (delay > 0) await Bun.sleep(delay);
      controller.enqueue(bytes.slice(sent, sent + CHUNK));
      sent += CHUNK;
      if (sent >= bytes.byteLength) controller.close();
    },
  });
}
