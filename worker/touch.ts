/** Announcing blobs before they are stored: the collector leaves them alone. Calls that come together are carried out together. */
import { type BlobRow, touchBlobs } from "#store/blob-rows.ts";
import { type AttemptOptions, ask } from "./attempt.ts";
import { together } from "./fetch/batch.ts";

export function toucher(options: AttemptOptions): (blob: BlobRow) => Promise<void> {
  const { db, now } = options;
  return together(async (blobs: readonly BlobRow[]) => {
    await ask(options, () => touchBlobs(db, blobs, { now: now() }));
    return () => undefined;
  });
}
