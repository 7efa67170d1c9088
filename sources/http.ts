/**
 * Files behind HTTP. Redirects are followed by hand and every hop passes the guard; the connection goes to the address that was checked.
 * A resumed transfer carries `If-Range`: a source that changed answers with the whole file instead of a wrong rest.
 */
import type { Guard, WebTarget } from "./guard/guard.ts";
import { safeUri } from "./guard/rules.ts";
import { requestChecked } from "./request.ts";
import { retryAfterMs } from "./retry-after.ts";
import { emptyStream, type Opened, type OpenOptions, permanent, type Source, transient } from "./source.ts";

const MOST_REDIRECTS = 10;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const PERMANENT = new Set([400, 401, 403, 404, 405, 406, 410, 414, 451, 501, 505]);
const BUSY = new Set([429, 503]);

/** A source for `http:` and `https:` URIs. */
export function httpSource(options: { guard: Guard; now: () => Date }): Source {
  return {
    open: async (uri, request) => {
      try {
        return await follow(uri, request, options);
      } catch (error) {
        if (request.signal.aborted) throw error;
        return transient(`Cannot reach '${safeUri(uri)}': ${codeOf(error)}`);
      }
    },
  };
}

async function follow(
  uri: string,
  request: OpenOptions,
  { guard, now }: { guard: Guard; now: () => Date },
): Promise<Opened> {
  let next = uri;
  for (let hop = 0; hop <= MOST_REDIRECTS; hop++) {
    const url = guard.uri(next);
    if (url.kind === "refused") return permanent(url.reason);
    if (!/^https?:$/.test(url.value.protocol))
      return permanent(`Cannot follow redirect to '${safeUri(next)}': it leaves HTTP`);
    const target = await guard.web(url.value, request.turn);
    if (target.kind === "refused") return permanent(target.reason);
    const response = await get(target.value, request, { sameOrigin: new URL(uri).origin === url.value.origin });
    const location = REDIRECTS.has(response.status) ? response.headers.get("location") : null;
    if (location === null) return answer(response, request, { url: url.value, now: now() });
    await response.body?.cancel();
    if (!URL.canParse(location, url.value))
      return permanent(`Cannot follow redirect of '${safeUri(next)}': bad location`);
    next = new URL(location, url.value).href;
  }
  return permanent(`Cannot fetch '${safeUri(uri)}': more than ${MOST_REDIRECTS} redirects`);
}

/** Credentials of the URI go to its own origin only. */
function get(target: WebTarget, request: OpenOptions, { sameOrigin }: { sameOrigin: boolean }): Promise<Response> {
  const { url } = target;
  const headers: Record<string, string> = {};
  if (url.username !== "" && sameOrigin) {
    const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers["authorization"] = `Basic ${Buffer.from(pair).toString("base64")}`;
  }
  if (request.offset > 0 || request.end !== undefined) {
    headers["range"] = `bytes=${request.offset}-${request.end === undefined ? "" : request.end - 1}`;
    if (request.ifMatch !== undefined) headers["if-range"] = request.ifMatch;
  }
  return requestChecked(target, { headers, signal: request.signal });
}

async function answer(response: Response, request: OpenOptions, at: { url: URL; now: Date }): Promise<Opened> {
  const shown = safeUri(at.url);
  if (response.status === 200 || response.status === 206) return bytes(response, request, shown);
  await response.body?.cancel();
  const retryAfter = retryAfterMs(response.headers.get("retry-after"), at.now);
  const wait = retryAfter === undefined ? {} : { retryAfterMs: retryAfter };
  const said = `'${shown}' answered ${response.status}${response.statusText ? ` ${response.statusText}` : ""}`;
  const { status } = response;
  if (status === 202) return { kind: "notReady", reason: said, status, ...wait };
  if (status === 416) return beyond(response, request, said);
  const reason = `Cannot fetch file: ${said}`;
  if (PERMANENT.has(status)) return { kind: "failed", permanent: true, reason, status };
  return { kind: "failed", permanent: false, reason, status, busy: BUSY.has(status), ...wait };
}

async function bytes(response: Response, request: OpenOptions, shown: string): Promise<Opened> {
  const encoding = response.headers.get("content-encoding") ?? "identity";
  if (encoding !== "identity") {
    await response.body?.cancel();
    return permanent(`Cannot fetch '${shown}': it comes encoded as '${encoding}' although this was not asked for`);
  }
  const validator = validatorOf(response.headers);
  const stream = response.body ?? emptyStream();
  const common = { kind: "bytes", stream, ...(validator === undefined ? {} : { validator }) } as const;
  if (response.status === 200) {
    const total = wholeNumber(response.headers.get("content-length"));
    return { ...common, resumed: false, ...(total === undefined ? {} : { total }) };
  }
  const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
  if (!range || Number(range[1]) !== request.offset) {
    await stream.cancel();
    return restart(`Cannot resume '${shown}': it sent another range than the one asked for`, response.status);
  }
  const total = wholeNumber(range[2] ?? null);
  return { ...common, resumed: true, ...(total === undefined ? {} : { total }) };
}

/** 416: either nothing is left to fetch, or the source is shorter than what we have: then it is another file. */
function beyond(response: Response, request: OpenOptions, said: string): Opened {
  const total = wholeNumber(/^bytes \*\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1] ?? null);
  if (total !== undefined && total === request.offset)
    return { kind: "bytes", stream: emptyStream(), total, resumed: true };
  return restart(`Cannot resume file: ${said}`, response.status);
}

function restart(reason: string, status: number): Opened {
  return { kind: "failed", permanent: false, reason, status, restart: true };
}

/** What `If-Range` accepts: a strong entity tag, else the modification date. */
function validatorOf(headers: Headers): string | undefined {
  const etag = headers.get("etag");
  if (etag && !etag.startsWith("W/")) return etag;
  return headers.get("last-modified") ?? undefined;
}

function wholeNumber(text: string | null): number | undefined {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function codeOf(error: unknown): string {
  if (error instanceof Error) {
    const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
    return code ?? error.message;
  }
  return String(error);
}
