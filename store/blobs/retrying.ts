/**
 * Tries again what a storage server could not do just now: 5xx, 429, SlowDown, broken connections. What it refuses (4xx) is final.
 * Pauses double and are random between half and full length, so that many clients do not come back at once.
 */
import { BlobMissing } from "./blob-store.ts";

export type Retry = {
  /** Default 6. */
  readonly tries?: number;
  /** Length of the first pause; default 200 ms. */
  readonly firstPauseMs?: number;
  readonly random?: () => number;
  /** Nothing is tried again once it aborts. */
  readonly signal?: AbortSignal;
};

/** An answer that was not what was asked for. */
export class Refused extends Error {
  readonly status: number;

  constructor(message: string, status: number) {
    super(message);
    this.name = "Refused";
    this.status = status;
  }
}

/** Codes of Bun's S3 errors that no repetition cures. */
const FINAL = new Set([
  "AccessDenied",
  "InvalidAccessKeyId",
  "SignatureDoesNotMatch",
  "NoSuchBucket",
  "NoSuchKey",
  "ENOENT",
]);

export async function retrying<T>(act: () => Promise<T>, o: Retry): Promise<T> {
  const { tries = 6, firstPauseMs = 200, random = Math.random, signal } = o;
  for (let n = 1; ; n++) {
    try {
      return await act();
    } catch (error) {
      if (n >= tries || signal?.aborted || isFinal(error)) throw error;
      await Bun.sleep(firstPauseMs * 2 ** (n - 1) * (0.5 + random() / 2));
    }
  }
}

function isFinal(error: unknown): boolean {
  if (error instanceof BlobMissing) return true;
  if (error instanceof Refused) return error.status < 500 && error.status !== 429;
  if (!(error instanceof Error) || !("code" in error)) return false;
  const code = String(error.code);
  return FINAL.has(code) || code.startsWith("ERR_S3_");
}
