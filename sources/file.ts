/**
 * Files of this machine (or of a mounted archive), below the folders that an administrator allowed.
 * The guard opens them, so that what is read is what was checked.
 */
import type { FileHandle } from "node:fs/promises";
import type { FileTarget, Guard } from "./guard/guard.ts";
import { safeUri } from "./guard/rules.ts";
import { type Opened, type OpenOptions, permanent, type Source, transient } from "./source.ts";

const CHUNK_BYTES = 1024 * 1024;
const GONE = new Set(["ENOENT", "ENOTDIR", "EACCES", "EPERM", "ELOOP", "ENAMETOOLONG", "EISDIR", "ENXIO"]);

/** A source for `file:` URIs. */
export function fileSource({ guard }: { guard: Guard }): Source {
  return {
    open: async (uri, request) => {
      const url = guard.uri(uri);
      if (url.kind === "refused") return permanent(url.reason);
      try {
        const target = await guard.file(url.value);
        return target.kind === "refused" ? permanent(target.reason) : await opened(target.value, request);
      } catch (error) {
        const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
        const reason = `Cannot read '${safeUri(url.value)}': ${code}`;
        return GONE.has(code) ? permanent(reason) : transient(reason);
      }
    },
  };
}

async function opened({ handle, size, version }: FileTarget, { offset, ifMatch }: OpenOptions): Promise<Opened> {
  const resumed = offset > 0 && offset <= size && (ifMatch === undefined || ifMatch === version);
  return { kind: "bytes", stream: readFrom(handle, resumed ? offset : 0), total: size, resumed, validator: version };
}

function readFrom(handle: FileHandle, from: number): ReadableStream<Uint8Array> {
  let position = from;
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          const { bytesRead, buffer } = await handle.read(new Uint8Array(CHUNK_BYTES), 0, CHUNK_BYTES, position);
          position += bytesRead;
          if (bytesRead > 0) return controller.enqueue(buffer.subarray(0, bytesRead));
          await handle.close();
          controller.close();
        } catch (error) {
          await handle.close();
          throw error;
        }
      },
      cancel: () => handle.close(),
    },
    { highWaterMark: 0 },
  );
}
