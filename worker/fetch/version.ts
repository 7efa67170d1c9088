/**
 * Remembers beside a staged file which version of the source it came from, so that a later run may go on with it although the catalogue
 * knows no checksum. Only for large files: a small one is quicker fetched again than its version is kept.
 */

import type { Validator } from "#sources/source.ts";
import type { BlobStore } from "#store/blobs/blob-store.ts";

const WORTH_BYTES = 8 * 1024 * 1024;

export type VersionNote = {
  recall(): Promise<Validator | undefined>;
  remember(validator: Validator): Promise<void>;
  forget(): Promise<void>;
};

/** The note for the staged file of that key. `size`: what the catalogue says. */
export function versionNote(blobs: BlobStore, key: string, size: number | undefined): VersionNote {
  const worth = size === undefined || size >= WORTH_BYTES;
  const stage = () => blobs.stage(`${key}.version`);
  let written = false;
  return {
    recall: async () => {
      const note = await stage();
      const text = note.size === 0 ? "" : await new Response(note.read()).text();
      await (text === "" ? note.abandon() : note.keep());
      written = text !== "";
      return text === "" ? undefined : text;
    },
    remember: async (validator) => {
      if (!worth) return;
      const note = await stage();
      await note.truncate();
      await note.write(new TextEncoder().encode(validator));
      await note.keep();
      written = true;
    },
    forget: async () => {
      if (written) await (await stage()).abandon();
    },
  };
}
