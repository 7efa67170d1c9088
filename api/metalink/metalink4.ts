/** Metalink 4 (RFC 5854). */
import type { LinkFormat } from "./format.ts";
import { canArrive, type LinkedFile } from "./linked-file.ts";
import { escapeXml } from "./xml.ts";

export const METALINK4: LinkFormat = {
  mediaType: "application/metalink4+xml",
  fileName: (stem) => `${stem}.meta4`,
  lists: canArrive,
  before: `<?xml version="1.0" encoding="UTF-8"?>
<metalink xmlns="urn:ietf:params:xml:ns:metalink">
  <generator>regards-order</generator>
`,
  entry,
  after: "</metalink>\n",
};

function entry({ name, identity, url, size, hash }: LinkedFile): string {
  return [
    `<file name="${escapeXml(name)}">`,
    `  <identity>${escapeXml(identity)}</identity>`,
    ...(size === undefined ? [] : [`  <size>${size}</size>`]),
    ...(hash ? [`  <hash type="${hash.algorithm}">${hash.value}</hash>`] : []),
    `  <url priority="1">${escapeXml(url)}</url>`,
    "</file>",
  ]
    .map((line) => `  ${line}\n`)
    .join("");
}
