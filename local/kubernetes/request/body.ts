/** Reads a request's body: capped, and as JSON or YAML by its content type. */
import { badRequest, tooLarge, unsupportedMediaType } from "../status.ts";

/** As a real server: 3 MB. */
export const MAX_BODY = 3 * 1024 * 1024;

const READABLE = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];

export async function readBody(request: Request): Promise<Uint8Array> {
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY) throw tooLarge(MAX_BODY);
  if (!request.body) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.byteLength;
    if (size > MAX_BODY) throw tooLarge(MAX_BODY);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The media type without its parameters; JSON where the client says nothing. */
export function mediaType(request: Request): string {
  return request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase() || "application/json";
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw badRequest(`couldn't get version/kind; json parse error: ${error instanceof Error ? error.message : error}`);
  }
}

export function parseYaml(text: string): unknown {
  try {
    return Bun.YAML.parse(text);
  } catch (error) {
    throw badRequest(`error converting YAML to JSON: ${error instanceof Error ? error.message : error}`);
  }
}

/** The body as a JSON value; `undefined` when there is none. */
export async function readObject(request: Request, protobuf: (bytes: Uint8Array) => unknown): Promise<unknown> {
  const bytes = await readBody(request);
  if (bytes.byteLength === 0) return undefined;
  const text = () => new TextDecoder().decode(bytes);
  switch (mediaType(request)) {
    case "application/json":
      return parseJson(text());
    case "application/yaml":
      return parseYaml(text());
    case "application/vnd.kubernetes.protobuf":
      return protobuf(bytes);
    default:
      throw unsupportedMediaType(READABLE);
  }
}
