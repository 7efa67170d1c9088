/**
 * Removes what the schema does not know and fills in its defaults, as a real server does before it validates.
 * The places removed are reported: strict requests are refused for them, others get a warning.
 */
import { isFields } from "../object.ts";
import { deref } from "../openapi/components.ts";
import type { Schema } from "../resources/kind.ts";
import { fieldPath, fieldSchema, isOpen } from "./walk.ts";

/** The value without unknown fields; their paths are added to `unknown`. */
export function prune(value: unknown, schema: Schema, path: string, unknown: string[]): unknown {
  const node = deref(schema);
  if (Array.isArray(value)) {
    const items = node.items;
    return items ? value.map((item, index) => prune(item, items, `${path}[${index}]`, unknown)) : value;
  }
  if (!isFields(value)) return value;
  const result: Record<string, unknown> = {};
  for (const [field, inner] of Object.entries(value)) {
    const known = fieldSchema(node, field);
    if (known) result[field] = prune(inner, known, fieldPath(path, field), unknown);
    else if (isOpen(node)) result[field] = inner;
    else unknown.push(fieldPath(path, field));
  }
  return result;
}

/** The value with defaults where fields are absent (or null where null is not allowed). */
export function withDefaults(value: unknown, schema: Schema): unknown {
  const node = deref(schema);
  if (Array.isArray(value)) {
    const items = node.items;
    return items ? value.map((item) => withDefaults(item, items)) : value;
  }
  if (!isFields(value)) return value;
  const given = Object.entries(value)
    .map(([field, inner]) => [field, inner, fieldSchema(node, field)] as const)
    .filter(([, inner, known]) => !isReplaceable(inner, known))
    .map(([field, inner, known]) => [field, known ? withDefaults(inner, known) : inner] as const);
  const result = Object.fromEntries(given);
  for (const [field, raw] of Object.entries(node.properties ?? {})) {
    const known = deref(raw);
    if (result[field] !== undefined || known.default === undefined) continue;
    result[field] = withDefaults(structuredClone(known.default), known);
  }
  return result;
}

/** A null where null is not allowed and a default is: the same as absence. */
function isReplaceable(value: unknown, schema: Schema | undefined): boolean {
  return value === null && schema?.nullable !== true && schema?.default !== undefined;
}
