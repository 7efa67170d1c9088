/** Reads `Retry-After` (RFC 9110 §10.2.3): seconds, or an HTTP date. A date in the past means now. */

const LONGEST_MS = 24 * 3_600_000;

/** Milliseconds to wait from `now` on, at most a day; undefined when the header is absent or unreadable. */
export function retryAfterMs(header: string | null, now: Date): number | undefined {
  const text = header?.trim() ?? "";
  if (/^[0-9]+$/.test(text)) return Math.min(Number(text) * 1000, LONGEST_MS);
  if (!/^[A-Z][a-z]+,? /.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.min(Math.max(at - now.getTime(), 0), LONGEST_MS);
}
