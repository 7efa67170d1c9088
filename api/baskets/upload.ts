/** A text file of product ids, one per line → selections of a hundred each. Read as it arrives, and no further than the limit. */
import { LIMITS } from "#crds/order.ts";
import { MAX_BODY_BYTES } from "../http/body.ts";
import { formPart } from "../http/multipart.ts";
import { HttpProblem } from "../http/problem.ts";
import type { Wanted } from "./request.ts";

const CHUNK = 100;
const FRAME = 'last=true AND providerId=("")'.length;
const OR = '" OR "'.length;

/** Ids in the order of their lines, each once; blank lines do not count. 413 beyond `maxLines`. */
export async function uploadedIds(request: Request, maxLines: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for await (const line of linesOf(formPart(request, "file", { maxBytes: MAX_BODY_BYTES }))) {
    const id = line.trim();
    if (id === "") continue;
    if (ids.length === maxLines) {
      throw new HttpProblem(413, [`Input file exceed max lines limit (${maxLines})`], { connection: "close" });
    }
    ids.push(id);
  }
  return [...new Set(ids)];
}

async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  for await (const chunk of bytes) {
    const lines = (rest + decode(decoder, chunk)).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  yield rest + decode(decoder);
}

function decode(decoder: InstanceType<typeof TextDecoder>, chunk?: Uint8Array): string {
  try {
    return chunk ? decoder.decode(chunk, { stream: true }) : decoder.decode();
  } catch {
    throw new HttpProblem(400, ["Cannot read the file: not UTF-8"], { connection: "close" });
  }
}

/** One selection per hundred ids, or fewer where they are so long that the query would be. Ids that no product can have are left out. */
export function selectionsOfIds(ids: readonly string[], now: Date): readonly Wanted[] {
  const chunks: string[][] = [];
  let room = 0;
  for (const id of ids) {
    if (id.length > LIMITS.idLength || id.includes("\0")) continue;
    const quoted = id.replaceAll(/["\\]/g, "\\$&");
    const last = chunks.at(-1);
    room -= quoted.length + OR;
    if (last && last.length < CHUNK && room >= 0) last.push(quoted);
    else {
      chunks.push([quoted]);
      room = LIMITS.queryLength - FRAME - quoted.length;
    }
  }
  return chunks.map((chunk) => {
    const query = `last=true AND providerId=("${chunk.join('" OR "')}")`;
    return {
      request: { engineType: "legacy", searchParameters: { q: [query] } },
      selection: { query, before: now.toISOString() },
    };
  });
}
