/**
 * Properties of any shape → flat attributes with types. Objects give names with dots (`processing.level`), lists give several values;
 * texts that are dates take the canonical form, in which the catalogue can order them.
 */
import { canonicalDate } from "../query/dates.ts";
import type { AttributeType } from "../query/fields.ts";
import type { ImportedAttributes, Scalar } from "./record.ts";

const MAX_ATTRIBUTES = 1000;
const MAX_VALUES = 256;
const MAX_TEXT = 8192;
const MAX_DEPTH = 6;

type Collected = {
  readonly values: Map<string, Scalar[]>;
  readonly types: Map<string, AttributeType>;
  readonly warn: Warn;
};
type Warn = (message: string) => void;

export function readAttributes(properties: Readonly<Record<string, unknown>>, warn: Warn): ImportedAttributes {
  const collected: Collected = { values: new Map(), types: new Map(), warn };
  collectObject("", properties, { collected, depth: 0 });
  const kept = [...collected.values].filter(([name, values]) => {
    if (values.length > MAX_VALUES) warn(`Attribute '${name}' was left out: it has more than ${MAX_VALUES} values`);
    return values.length > 0 && values.length <= MAX_VALUES;
  });
  if (kept.length > MAX_ATTRIBUTES) warn(`Attributes beyond the first ${MAX_ATTRIBUTES} were left out`);
  const result = kept.slice(0, MAX_ATTRIBUTES);
  const names = new Set(result.map(([name]) => name));
  const types = [...collected.types].map(([key, type]) => ({ name: key.slice(key.indexOf(" ") + 1), type }));
  return { properties: Object.fromEntries(result), types: types.filter(({ name }) => names.has(name)) };
}

/** Text that PostgreSQL can keep: no NUL, no half characters, no unit separator. */
export function cleanText(text: string): string {
  return text.toWellFormed().replaceAll("\0", " ").replaceAll("\x1f", " ");
}

function collectObject(prefix: string, object: object, at: { collected: Collected; depth: number }): void {
  if (at.depth > MAX_DEPTH) {
    at.collected.warn(`Attribute '${prefix}' was left out: it is nested too deep`);
    return;
  }
  for (const [key, value] of Object.entries(object)) {
    const name = cleanText(prefix === "" ? key : `${prefix}.${key}`);
    if (name !== "" && name.length <= 255) collectValue(name, value, at);
  }
}

function collectValue(name: string, value: unknown, at: { collected: Collected; depth: number }): void {
  if (value === null || value === undefined) return;
  if (Array.isArray(value)) {
    if (at.depth > MAX_DEPTH) return;
    for (const item of value) collectValue(name, item, { ...at, depth: at.depth + 1 });
  } else if (typeof value === "object") {
    collectObject(name, value, { ...at, depth: at.depth + 1 });
  } else {
    collectScalar(name, value, at.collected);
  }
}

function collectScalar(name: string, value: unknown, { values, types, warn }: Collected): void {
  const found = readScalar(value);
  if (!found) {
    warn(`A value of '${name}' was left out: it is too long or no number`);
    return;
  }
  const list = values.get(name) ?? [];
  if (list.length <= MAX_VALUES) list.push(found.value);
  values.set(name, list);
  types.set(`${found.type} ${name}`, found.type);
}

function readScalar(value: unknown): { value: Scalar; type: AttributeType } | undefined {
  switch (typeof value) {
    case "boolean":
      return { value, type: "boolean" };
    case "number":
      return Number.isFinite(value) ? { value, type: Number.isInteger(value) ? "integer" : "double" } : undefined;
    case "string": {
      if (value.length > MAX_TEXT) return undefined;
      const date = canonicalDate(value);
      return date === undefined ? { value: cleanText(value), type: "string" } : { value: date, type: "date" };
    }
    default:
      return undefined;
  }
}
