/**
 * An input file of aria2 (`aria2c -i`). Only files that are there: aria2 takes the answer for one that is not (202) for the file itself.
 * Names are safe already, so nothing in them can begin a line of its own.
 */
import type { LinkFormat } from "./format.ts";
import { canArrive, isThere, type LinkedFile } from "./linked-file.ts";

export const ARIA2: LinkFormat = {
  mediaType: "text/plain; charset=utf-8",
  fileName: (stem) => `${stem}.aria2.txt`,
  lists: (file) => isThere(file) && canArrive(file),
  before: "",
  entry,
  after: "",
};

function entry({ name, url, hash }: LinkedFile): string {
  return [url, `  out=${name}`, ...(hash ? [`  checksum=${hash.algorithm}=${hash.value}`] : [])]
    .map((line) => `${line}\n`)
    .join("");
}
