/**
 * The payload manifest of a bag (RFC 8493 §2.1.3), which `sha256sum -c` reads too: what was downloaded can be checked long after. Only files
 * whose bytes we have, because only their hash is known.
 */
import type { LinkFormat } from "./format.ts";
import { isThere, type LinkedFile } from "./linked-file.ts";

export const MANIFEST: LinkFormat = {
  mediaType: "text/plain; charset=utf-8",
  fileName: () => "manifest-sha256.txt",
  lists: (file) => isThere(file) && file.sha256 !== undefined,
  merges: true,
  before: "",
  entry,
  after: "",
};

function entry({ name, hash }: LinkedFile): string {
  const path = name.replaceAll(
    /[%\r\n]/g,
    (character) => `%${character.charCodeAt(0).toString(16).padStart(2, "0").toUpperCase()}`,
  );
  return `${hash?.value ?? ""}  data/${path}\n`;
}
