/** One way to write down links. The document is made line by line, because an order may have a million files. */
import type { FileRow } from "#store/files.ts";
import type { LinkedFile } from "./linked-file.ts";

export type LinkFormat = {
  readonly mediaType: string;
  /** `stem` names the order and the time. */
  readonly fileName: (stem: string) => string;
  /** Whether the format can tell of such a file. */
  readonly lists: (file: FileRow) => boolean;
  /** Files of one name and the same bytes are one, as in the archive. */
  readonly merges?: boolean;
  readonly before: string;
  readonly entry: (file: LinkedFile) => string;
  readonly after: string;
};
