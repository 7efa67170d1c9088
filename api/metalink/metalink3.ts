/** Metalink 3.0 as clients of the contract read it (rs-order.md §6.3), with what they can verify a file by. */
import type { LinkFormat } from "./format.ts";
import { canArrive, type LinkedFile } from "./linked-file.ts";
import { escapeXml } from "./xml.ts";

export const METALINK3: LinkFormat = {
  mediaType: "application/metalink+xml",
  fileName: (stem) => `${stem}.metalink`,
  lists: canArrive,
  before: `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<metalink xmlns="http://www.metalinker.org/" version="3.0">
    <files>
`,
  entry,
  after: "    </files>\n</metalink>\n",
};

function entry({ name, identity, mimeType, url, size, hash }: LinkedFile): string {
  return [
    `<file name="${escapeXml(name)}">`,
    `    <identity>${escapeXml(identity)}</identity>`,
    `    <mimetype>${escapeXml(mimeType)}</mimetype>`,
    "    <resources>",
    `        <url>${escapeXml(url)}</url>`,
    "    </resources>",
    ...(size === undefined ? [] : [`    <size>${size}</size>`]),
    ...(hash
      ? [
          "    <verification>",
          `        <hash type="${hash.algorithm.replace("-", "")}">${hash.value}</hash>`,
          "    </verification>",
        ]
      : []),
    "</file>",
  ]
    .map((line) => `        ${line}\n`)
    .join("");
}
