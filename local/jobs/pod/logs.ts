/**
 * Gives out the output of pods from the files that their processes write. Lines carry no time of their own (the process writes the file
 * itself), so `timestamps` and `sinceTime` are not served: our own programs' lines hold their time.
 */
import { open, stat } from "node:fs/promises";
import type { PodLogOptions, PodLogs } from "../../kubernetes/logs/pod-logs.ts";
import { logFile } from "./process.ts";

const CHUNK_BYTES = 64 * 1024;
const POLL_MS = 100;

export type LogPlace = {
  /** Folder of the pod of that name; undefined when it is not (or no longer) here. */
  readonly folder: string;
  /** The containers of the pod, the first one first. */
  readonly containers: readonly string[];
  /** Whether more may be written. */
  isOpen(): boolean;
};

/** `find` tells where the pod's files lie. */
export function filePodLogs(find: (namespace: string, pod: string) => LogPlace | undefined): PodLogs {
  return {
    open: async (namespace, pod, container, options) => {
      const place = find(namespace, pod);
      const name = container ?? place?.containers[0];
      if (!place || name === undefined) return emptyStream();
      return stream(logFile(place.folder, name), place, options);
    },
  };
}

function emptyStream(): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.close() });
}

function stream(file: string, place: LogPlace, options: PodLogOptions): ReadableStream<Uint8Array> {
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  let position: number | undefined;
  let cancelled = false;
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        position ??= await tailStart(file, options.tailLines);
        while (!cancelled && left > 0) {
          // Asked before reading: what is written before the pod closes is read after it has.
          const more = options.follow && place.isOpen();
          const chunk = await readAt(file, position, Math.min(CHUNK_BYTES, left));
          if (chunk.length > 0) {
            position += chunk.length;
            left -= chunk.length;
            controller.enqueue(chunk);
            return;
          }
          if (!more) break;
          await Bun.sleep(POLL_MS);
        }
        if (!cancelled) controller.close();
      },
      cancel: () => {
        cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
}

async function readAt(file: string, position: number, length: number): Promise<Uint8Array> {
  const handle = await open(file, "r").catch(() => undefined);
  if (!handle) return new Uint8Array();
  try {
    const { bytesRead, buffer } = await handle.read(new Uint8Array(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** As much as a termination message may hold of a log: 2,048 bytes or 80 lines, whichever is less. */
const MOST_SAID = { bytes: 2048, lines: 80 };

/** The end of a log, for a container that failed without a message of its own. */
export async function endOfLog(file: string): Promise<string> {
  const size = (await stat(file).catch(() => undefined))?.size ?? 0;
  const start = Math.max(size - MOST_SAID.bytes, await tailStart(file, MOST_SAID.lines));
  return new TextDecoder().decode(await readAt(file, start, size - start));
}

/** Where the last `lines` lines begin. */
async function tailStart(file: string, lines: number | undefined): Promise<number> {
  if (lines === undefined) return 0;
  const size = (await stat(file).catch(() => undefined))?.size ?? 0;
  let seen = 0;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const chunk = await readAt(file, start, end - start);
    for (let i = chunk.length - 1; i >= 0; i--) {
      // The newline that ends the last line begins no line.
      if (chunk[i] === 10 && start + i !== size - 1 && ++seen === lines) return start + i + 1;
    }
    if (lines === 0) return size;
    end = start;
  }
  return lines === 0 ? size : 0;
}
