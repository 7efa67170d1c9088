/**
 * Reads STAC documents from files and over HTTP. A document from the network cannot point back into the file system.
 * Sizes and times are bounded; a stream of lines (NDJSON) is read as it comes, however long.
 */
import { stat } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isObject, type StacObject } from "./stac-item.ts";

const MAX_DOCUMENT_BYTES = 512 * 1024 * 1024;
const SILENCE_MS = 60_000;

export type SourceOptions = { readonly signal?: AbortSignal };

/** `source` as an address: a path becomes a `file:` URL. */
export function addressOf(source: string): string {
  if (/^(https?|file):/i.test(source)) return new URL(source).href;
  return pathToFileURL(isAbsolute(source) ? source : resolve(source)).href;
}

/** Whether the address names a file of one item a line. */
export function isLines(address: string): boolean {
  return /\.(ndjson|jsonl|geojsonl|geojsons|ldjson)$/i.test(new URL(address).pathname);
}

/** The address that `href` means in the document at `base`; undefined where it may not be followed. */
export function follow(href: unknown, base: string): string | undefined {
  if (typeof href !== "string" || !URL.canParse(href, base)) return undefined;
  const { protocol, href: address } = new URL(href, base);
  if (protocol === "http:" || protocol === "https:") return address;
  return protocol === "file:" && base.startsWith("file:") ? address : undefined;
}

export async function readDocument(address: string, options: SourceOptions = {}): Promise<StacObject> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of await openSource(address, options)) {
    size += chunk.length;
    if (size > MAX_DOCUMENT_BYTES)
      throw new Error(`Cannot read '${address}': it is larger than ${MAX_DOCUMENT_BYTES} bytes (use NDJSON)`);
    chunks.push(chunk);
  }
  return parseObject(Buffer.concat(chunks).toString("utf8"), address);
}

/** Objects of an NDJSON source, one at a time; empty lines are skipped. */
export async function* readLines(address: string, options: SourceOptions = {}): AsyncGenerator<StacObject> {
  const decoder = new TextDecoder();
  let rest = "";
  let line = 0;
  for await (const chunk of await openSource(address, options)) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > MAX_DOCUMENT_BYTES) throw new Error(`Cannot read '${address}': line ${line + 1} is too long`);
    for (const text of lines) {
      line++;
      if (text.trim() !== "") yield parseObject(text, `${address}, line ${line}`);
    }
  }
  if (rest.trim() !== "") yield parseObject(rest, `${address}, line ${line + 1}`);
}

function parseObject(text: string, where: string): StacObject {
  let value: unknown;
  try {
    value = JSON.parse(withoutMark(text));
  } catch (error) {
    throw new Error(`Cannot read '${where}': it is not JSON`, { cause: error });
  }
  if (!isObject(value)) throw new Error(`Cannot read '${where}': expected a JSON object`);
  return value;
}

/** A byte order mark, or the record separator that GeoJSON text sequences (RFC 8142) begin each line with. */
function withoutMark(text: string): string {
  return text.startsWith("\ufeff") || text.startsWith("\x1e") ? text.slice(1) : text;
}

async function openSource(address: string, { signal }: SourceOptions): Promise<AsyncIterable<Uint8Array>> {
  if (address.startsWith("file:")) return openFile(address);
  const idle = new AbortController();
  const timer = setTimeout(
    () => idle.abort(new Error(`Cannot read '${address}': no answer for ${SILENCE_MS / 1000} s`)),
    SILENCE_MS,
  );
  const accept = "application/geo+json, application/json, application/x-ndjson";
  const response = await fetch(address, {
    headers: { accept },
    signal: signal ? AbortSignal.any([signal, idle.signal]) : idle.signal,
  });
  if (!response.ok || !response.body)
    throw new Error(`Cannot read '${address}': the server answered ${response.status}`);
  return watched(response.body, timer);
}

/** Asked before it is opened: what opening says later is made for programs. */
async function openFile(address: string): Promise<AsyncIterable<Uint8Array>> {
  const found = await stat(new URL(address)).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) {
    const reason = found.code === "ENOENT" ? "there is no such file" : found.message;
    throw new Error(`Cannot read '${address}': ${reason}`);
  }
  if (found.isDirectory()) throw new Error(`Cannot read '${address}': it is a folder`);
  return Bun.file(new URL(address)).stream();
}

/** Each chunk that arrives starts the silence anew. */
async function* watched(body: AsyncIterable<Uint8Array>, timer: Timer): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) {
      timer.refresh();
      yield chunk;
      timer.refresh();
    }
  } finally {
    clearTimeout(timer);
  }
}
