/** Reads a request's body: capped while it arrives (a length that a client claims proves nothing), then parsed by its content type. */
import { STORABLE, unstorablePath } from "#store/storable.ts";
import { HttpProblem } from "./problem.ts";

/** Room for 256 queries of 8 KiB and their escapes. */
export const MAX_BODY_BYTES = 4 * 1024 * 1024;

/** JSON and forms become objects; an absent body is undefined. */
export async function readBody(request: Request): Promise<unknown> {
  const text = await readText(request);
  if (text === "") return undefined;
  const type = (request.headers.get("content-type") ?? "application/json").split(";")[0]?.trim().toLowerCase() ?? "";
  if (type === "application/x-www-form-urlencoded") return storable(Object.fromEntries(new URLSearchParams(text)));
  if (type === "application/json" || type.endsWith("+json") || type === "text/plain") return storable(parseJson(text));
  throw new HttpProblem(415, [`Cannot read the body: expected application/json, got '${type.slice(0, 100)}'`]);
}

function storable(body: unknown): unknown {
  const path = unstorablePath(body);
  if (path !== undefined) {
    const fields = [{ field: path, message: STORABLE }];
    throw new HttpProblem(400, [`${path || "body"}: ${STORABLE}`], {}, { fields });
  }
  return body;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : "not JSON";
    throw new HttpProblem(400, [`Cannot read the body: ${why.slice(0, 200)}`]);
  }
}

async function readText(request: Request): Promise<string> {
  if (Number(request.headers.get("content-length")) > MAX_BODY_BYTES) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) throw tooLarge();
    chunks.push(chunk);
  }
  return decode(Buffer.concat(chunks, size));
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new HttpProblem(400, ["Cannot read the body: not UTF-8"]);
  }
}

function tooLarge(): HttpProblem {
  return new HttpProblem(413, [`Cannot read the body: larger than ${MAX_BODY_BYTES} bytes`], { connection: "close" });
}
