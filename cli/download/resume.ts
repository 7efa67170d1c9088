/**
 * Fetches an archive into `FILE.part` and goes on where an earlier try stopped. A part is continued only if the server confirms,
 * by If-Range and the ETag kept beside it, that it still is the same archive: anything else starts again from zero.
 */
import { existsSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { refusal } from "../client/rest.ts";
import { Failure } from "../failure.ts";

export type Fetched = { readonly kind: "whole"; readonly resumedFrom: number } | { readonly kind: "nothing" };

type Mark = { readonly source: string; readonly etag: string; readonly size: number };
type Request = (o: { headers: Record<string, string>; signal: AbortSignal }) => Promise<Response>;

const IDLE_MS = 60_000;
const TRIES_WITHOUT_PROGRESS = 5;
const BACKOFF_MS = 500;

export type ResumeOptions = {
  readonly path: string;
  /** Names the archive: parts of another are not continued. */
  readonly source: string;
  readonly request: Request;
  readonly onBytes?: (done: number, total: number | undefined) => void;
  readonly pause?: (milliseconds: number) => Promise<void>;
};

/** Fetches until the part is whole, resuming broken connections by itself; then gives it its name. */
export async function fetchResumable(o: ResumeOptions): Promise<Fetched> {
  const pause = o.pause ?? Bun.sleep;
  const part = `${o.path}.part`;
  const began = resumable(o) ? statSync(part).size : 0;
  let tries = 0;
  for (;;) {
    const before = existsSync(part) ? statSync(part).size : 0;
    const outcome = await fetchOnce(o, part);
    if (outcome === "nothing") return { kind: "nothing" };
    if (outcome === "whole") {
      renameSync(part, o.path);
      rmSync(markFile(o.path), { force: true });
      return { kind: "whole", resumedFrom: began };
    }
    tries = statSync(part).size > before ? 0 : tries + 1;
    if (tries >= TRIES_WITHOUT_PROGRESS) {
      throw new Failure(
        `Cannot download: ${outcome.broken} (what is there is kept in '${part}'; run it again to go on)`,
      );
    }
    await pause(BACKOFF_MS * 2 ** tries);
  }
}

const markFile = (path: string) => `${path}.part.json`;

function resumable(o: ResumeOptions): Mark | undefined {
  try {
    const mark: Mark = JSON.parse(readFileSync(markFile(o.path), "utf8"));
    return mark.source === o.source && existsSync(`${o.path}.part`) ? mark : undefined;
  } catch {
    return undefined;
  }
}

type Attempt = "whole" | "nothing" | { readonly broken: string };

async function fetchOnce(o: ResumeOptions, part: string): Promise<Attempt> {
  const mark = resumable(o);
  const have = mark ? statSync(part).size : 0;
  if (mark && have === mark.size) return "whole";
  const idle = new AbortController();
  let timer = setTimeout(() => idle.abort(), IDLE_MS);
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(() => idle.abort(), IDLE_MS);
  };
  const headers: Record<string, string> = mark && have > 0 ? { Range: `bytes=${have}-`, "If-Range": mark.etag } : {};
  try {
    const response = await o.request({ headers, signal: idle.signal });
    return await take(response, { ...o, part, have, alive });
  } catch (error) {
    return brokenBy(error, part);
  } finally {
    clearTimeout(timer);
  }
}

async function take(response: Response, o: ResumeOptions & Receiving): Promise<Attempt> {
  if (response.status === 204) return "nothing";
  if (response.status === 416) {
    rmSync(markFile(o.path), { force: true });
    return { broken: "the archive has changed meanwhile" };
  }
  if (!response.ok) throw await refusal(response, "download");
  return receive(response, o);
}

/** What a failed attempt means: a broken connection is worth another, a refusal or a full disk is not. */
function brokenBy(error: unknown, part: string): Attempt {
  if (error instanceof Failure) {
    if (error.message.startsWith("Cannot reach")) return { broken: error.message };
    throw error;
  }
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (["ENOSPC", "EACCES", "ENOENT", "EROFS", "EISDIR"].includes(code)) {
    throw new Failure(`Cannot write '${part}'`, { cause: error });
  }
  return { broken: "the connection broke" };
}

type Receiving = { readonly part: string; readonly have: number; readonly alive: () => void };

async function receive(response: Response, o: ResumeOptions & Receiving): Promise<"whole" | { broken: string }> {
  const start = response.status === 206 ? rangeStart(response) : 0;
  if (start !== 0 && start !== o.have) return { broken: "the server continued at another place than asked" };
  const size = totalSize(response, start);
  const etag = response.headers.get("ETag");
  if (etag && !etag.startsWith("W/") && size !== undefined) {
    writeFileSync(markFile(o.path), JSON.stringify({ source: o.source, etag, size } satisfies Mark));
  } else rmSync(markFile(o.path), { force: true });
  const file = await open(o.part, start === 0 ? "w" : "r+");
  let done = start;
  try {
    for await (const chunk of response.body ?? []) {
      o.alive();
      await file.writev([chunk], done);
      done += chunk.byteLength;
      o.onBytes?.(done, size);
    }
  } finally {
    await file.close();
  }
  return size === undefined || done === size ? "whole" : { broken: `the connection ended at byte ${done} of ${size}` };
}

function rangeStart(response: Response): number {
  return Number(/^bytes (\d+)-/.exec(response.headers.get("Content-Range") ?? "")?.[1] ?? Number.NaN);
}

function totalSize(response: Response, start: number): number | undefined {
  const total = /\/(\d+)$/.exec(response.headers.get("Content-Range") ?? "")?.[1];
  if (response.status === 206) return total === undefined ? undefined : Number(total);
  const length = response.headers.get("Content-Length") ?? response.headers.get("X-Expected-Size");
  return length === null ? undefined : start + Number(length);
}
