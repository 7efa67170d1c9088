/** Which format a client wants: the one it names, else the one it accepts by name, else Metalink 3, as the contract has it. */
import { HttpProblem } from "../http/problem.ts";
import { ARIA2 } from "./aria2.ts";
import type { LinkFormat } from "./format.ts";
import { MANIFEST } from "./manifest.ts";
import { METALINK3 } from "./metalink3.ts";
import { METALINK4 } from "./metalink4.ts";

const FORMATS: Readonly<Record<string, LinkFormat>> = {
  "3": METALINK3,
  "4": METALINK4,
  manifest: MANIFEST,
  aria2: ARIA2,
};
export const FORMAT_NAMES = Object.keys(FORMATS);

export function chooseFormat(name: string | null, accept: string | null): LinkFormat {
  if (name !== null) {
    const named = Object.hasOwn(FORMATS, name) ? FORMATS[name] : undefined;
    if (named) return named;
    throw new HttpProblem(422, [`format: expected one of ${FORMAT_NAMES.join(", ")}, got '${name.slice(0, 64)}'`]);
  }
  return weight(accept, METALINK4) > weight(accept, METALINK3) ? METALINK4 : METALINK3;
}

/** How much the client wants this very type; wildcards want none in particular. */
function weight(accept: string | null, format: LinkFormat): number {
  for (const range of (accept ?? "").split(",")) {
    const [type, ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    if (type !== format.mediaType) continue;
    const q = parameters.find((parameter) => parameter.startsWith("q="));
    return q === undefined ? 1 : Number(q.slice(2)) || 0;
  }
  return 0;
}
