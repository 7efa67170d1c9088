/**
 * Users give parameters as text, a schema speaks of numbers, truth values and lists: a text is read as what the schema says that the parameter is.
 * Where text is allowed it stays text, and what cannot be read stays text too, so that the schema refuses it in its own words.
 */

export type SchemaNode = Readonly<Record<string, unknown>>;

/** More references behind each other than a schema for people has. */
const MOST_STEPS = 8;
const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** Each parameter as its property in `schema` wants it. */
export function readValues(given: Readonly<Record<string, string>>, schema: SchemaNode): Map<string, unknown> {
  const properties = nodeOf(schema["properties"]) ?? {};
  return new Map(
    Object.entries(given).map(([name, text]) => {
      const property = Object.hasOwn(properties, name) ? properties[name] : undefined;
      return [name, readText(text, typesOf(property, schema))];
    }),
  );
}

function readText(text: string, types: ReadonlySet<string>): unknown {
  if (types.size === 0 || types.has("string")) return text;
  const value = types.has("integer") || types.has("number") ? readNumber(text, types) : undefined;
  if (value !== undefined) return value;
  return readJson(text, types);
}

/** Where a whole number is wanted, one that would lose digits is none that anybody meant. */
function readNumber(text: string, types: ReadonlySet<string>): number | undefined {
  if (!NUMBER.test(text)) return undefined;
  const value = Number(text);
  const isMeant = types.has("number") ? Number.isFinite(value) : Number.isSafeInteger(value);
  return isMeant ? value : undefined;
}

function readJson(text: string, types: ReadonlySet<string>): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value !== "number" && types.has(typeOf(value)) ? value : text;
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}

/** What a value may be by its schema; empty: anything. */
function typesOf(schema: unknown, root: SchemaNode, steps = 0): ReadonlySet<string> {
  const node = nodeOf(schema);
  if (node === undefined || steps > MOST_STEPS) return new Set();
  const { type, $ref, const: only, enum: values } = node;
  if (typeof $ref === "string") return typesOf(target($ref, root), root, steps + 1);
  if (type !== undefined) return new Set([type].flat().map(String));
  if (only !== undefined) return new Set([typeOf(only)]);
  if (Array.isArray(values)) return new Set(values.map(typeOf));
  const variants = ["allOf", "anyOf", "oneOf"].flatMap((key) => (Array.isArray(node[key]) ? node[key] : []));
  return new Set(variants.flatMap((variant) => [...typesOf(variant, root, steps + 1)]));
}

/** Where a reference within the schema leads: `#/$defs/width`. */
function target(ref: string, root: SchemaNode): unknown {
  if (!ref.startsWith("#/")) return undefined;
  const steps = ref
    .slice(2)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  return steps.reduce<unknown>((at, step) => nodeOf(at)?.[step], root);
}

function nodeOf(value: unknown): SchemaNode | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as SchemaNode) : undefined;
}

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
