/**
 * Answers in the contract's forms. Every answer carries the security headers; they are put on here and not by a hook,
 * so that no answer can leave without them.
 */

const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-cache, no-store, max-age=0, must-revalidate",
  pragma: "no-cache",
  expires: "0",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "x-xss-protection": "1; mode=block",
  "referrer-policy": "no-referrer",
  "access-control-allow-origin": "*",
};

type Body = ConstructorParameters<typeof Response>[0];

/** Any answer; `headers` win over the security headers of the same name. */
export function respond(status: number, body: Body, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(body, { status, headers: { ...SECURITY_HEADERS, ...headers } });
}

export function json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Response {
  return respond(status, JSON.stringify(value), { "content-type": "application/json; charset=utf-8", ...headers });
}

export type Link = { readonly rel: string; readonly href: string };

/** A single resource in the contract's wrapping. */
export function wrap<T>(content: T, links: readonly Link[] = []): { content: T; links: readonly Link[] } {
  return { content, links };
}
