/**
 * What PostgreSQL's text cannot hold although JSON can: the character U+0000, and half of a surrogate pair. Whoever takes values from outside
 * asks here first and names the field, because the database would refuse the whole statement without a word about which.
 */

/** Path of the first text that cannot be stored, such as `selections[0].query`; `""` is the value itself. */
export function unstorablePath(value: unknown, path = ""): string | undefined {
  if (typeof value === "string") return isStorable(value) ? undefined : path;
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    const at = Array.isArray(value) ? `${path}[${key}]` : `${path}${path && "."}${key}`;
    const found = isStorable(key) ? unstorablePath(inner, at) : path;
    if (found !== undefined) return found;
  }
  return undefined;
}

export function isStorable(text: string): boolean {
  return !text.includes("\0") && text.isWellFormed();
}

/** What is expected of it, for messages. */
export const STORABLE = "expected Unicode text without the character U+0000";
