/**
 * Says of an answer, ahead of its bytes, how far they may have come, so that a download still adds up when this process dies in the middle: then
 * nobody tells what was sent, but the client goes on from where it has got to. Said in windows, not of the whole: a client that was cut early and
 * then looks into the archive's end has not got what lies between.
 */
import { randomUUID } from "node:crypto";
import type { Logger } from "pino";
import { endSending, noteSending } from "#store/archives.ts";
import type { Db } from "#store/db.ts";
import type { ByteRange } from "./range.ts";

const WINDOW_BYTES = 128 * 1024 * 1024;
/** What is smaller goes out at once, into buffers on the way: it is not worth a note. */
const SMALLEST_BYTES = 1024 * 1024;

export type UnderWay = {
  /** Before the bytes up to there go out, counted from the first of the answer. */
  ahead(sent: number): Promise<void>;
  /** However it ended; what was sent must be recorded by then. */
  over(): Promise<void>;
};

type Answer = {
  readonly etag: string;
  readonly range: ByteRange;
  /** Makes sure that the archive is remembered, where it may not be. */
  readonly remember?: () => Promise<void>;
};

/** A note that fails costs no download: only its count, should the process die. */
export function underWay(
  { db, logger }: { readonly db: Db; readonly logger: Logger },
  { etag, range, remember }: Answer,
): UnderWay {
  if (range.end - range.start < SMALLEST_BYTES) return { ahead: async () => {}, over: async () => {} };
  const id = randomUUID();
  let noted = range.start;
  let isBegun = false;
  let noting: Promise<void> | undefined;
  const note = async (end: number) => {
    noted = end;
    try {
      if (!isBegun) await remember?.();
      await noteSending(db, { id, etag, start: range.start, end });
    } catch (error) {
      logger.warn({ err: error }, "cannot note how far a download may have come");
    }
    noting = undefined;
  };
  return {
    async ahead(sent) {
      const position = range.start + sent;
      if (!noting && noted < range.end && noted - position < WINDOW_BYTES / 2) {
        noting = note(Math.min(range.end, position + WINDOW_BYTES));
      }
      // Later notes are in time without being waited for.
      if (!isBegun) await noting;
      isBegun = true;
    },
    async over() {
      await noting;
      if (isBegun) await endSending(db, id);
    },
  };
}
