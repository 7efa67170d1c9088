/**
 * `Idempotency-Key` (IETF draft-ietf-httpapi-idempotency-key-header): names a request, so that a client whose answer was lost can send it again.
 * The key lives as long as its order does, per owner, and is the same thing as the correlation id.
 */
import { createHash } from "node:crypto";
import { LIMITS } from "#crds/order.ts";
import type { Call } from "./call.ts";
import { HttpProblem } from "./problem.ts";

const HEADER = "idempotency-key";

/** The key, without the quotes that the draft puts around it; undefined where none is given. */
export function idempotencyKey(request: Request): string | undefined {
  const text = request.headers.get(HEADER);
  if (text === null) return undefined;
  const key = /^"((?:[^"\\]|\\["\\])*)"$/.exec(text)?.[1]?.replaceAll(/\\(["\\])/g, "$1") ?? text;
  if (/^[\x20-\x7e]+$/.test(key) && key.length <= LIMITS.correlationIdLength) return key;
  throw new HttpProblem(422, [`Idempotency-Key: expected 1 to ${LIMITS.correlationIdLength} characters of ASCII`]);
}

/** What tells a repeat from another request under the same key: where it goes, and its body whatever the order of its fields. */
export function requestHash({ request, body }: Call): string {
  const { pathname } = new URL(request.url);
  const content = JSON.stringify([request.method, pathname, canonical(body ?? {})]);
  return createHash("sha256").update(content).digest("hex");
}

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(members.map(([name, member]) => [name, canonical(member)]));
}
