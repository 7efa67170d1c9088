/**
 * What makes two requests the same order: the hash of what the spec asks for, whatever the order of its keys,
 * without what may change later (`expirationTime`, `suspend`, `shutdown`, `retry`) and without the correlation id, which is the key itself.
 */
import { createHash } from "node:crypto";
import { LIMITS, type OrderSpec } from "#crds/order.ts";

/** SHA-256 in hexadecimal of the canonical form of the request. */
export function specHash(spec: OrderSpec): string {
  const {
    expirationTime: _end,
    suspend: _suspend,
    shutdown: _shutdown,
    retry: _retry,
    correlationId: _key,
    ...asked
  } = spec;
  return createHash("sha256").update(canonical(asked)).digest("hex");
}

/** JSON with sorted keys and without undefined members. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`);
  return `{${members.join(",")}}`;
}

/** `Order of yyyy/MM/dd at HH:mm:ss`, in UTC. */
export function defaultLabel(now: Date): string {
  const [date = "", time = ""] = now.toISOString().split("T");
  return `Order of ${date.replaceAll("-", "/")} at ${time.slice(0, 8)}`;
}

/** The label with ` (n)` behind it, from 2; shortened where it would get too long. */
export function numberedLabel(label: string, n: number): string {
  const suffix = n === 1 ? "" : ` (${n})`;
  return label.slice(0, LIMITS.labelLength - suffix.length) + suffix;
}
