/**
 * Every bound of a schema as two questions to an API server: a value at the bound, which it must take, and one past it, which it must refuse at that place.
 * Made from the schema itself, so that no bound is forgotten; `full` is a good object that has every field.
 */
import type { SchemaNode } from "#crds/structural.ts";

export type BoundCase = {
  readonly name: string;
  readonly object: unknown;
  /** What the refusal must name; absent where the object is good. */
  readonly want?: { readonly field: string; readonly reason: string };
};

type Path = readonly (string | number)[];
type Value = { readonly what: string; readonly value: unknown; readonly reason?: string; readonly at?: Path };

/** Cases for the part of `full` that lies at `path` and is described by the schema. */
export function boundCases(schema: SchemaNode, full: unknown, path: Path): readonly BoundCase[] {
  const value = path.reduce<unknown>((part, step) => Reflect.get(Object(part), step), full);
  if (value === undefined) throw new Error(`The full object has no '${fieldOf(path)}'`);
  const own = values(schema, value).map(({ what, value: changed, reason, at = [] }) => ({
    name: `${fieldOf(path)}: ${what}`,
    object: changedAt(full, path, changed),
    ...(reason !== undefined && { want: { field: fieldOf([...path, ...at]), reason } }),
  }));
  return [...own, ...parts(schema, value).flatMap(([step, part]) => boundCases(part, full, [...path, step]))];
}

/** The fields below, with one element of a list for all. */
function parts(schema: SchemaNode, value: unknown): readonly (readonly [string | number, SchemaNode])[] {
  if (schema["type"] === "array") return (value as unknown[]).map((_, index) => [index, schema["items"] as SchemaNode]);
  const named = Object.entries((schema["properties"] ?? {}) as Record<string, SchemaNode>);
  const inMap = schema["additionalProperties"] as SchemaNode | undefined;
  const has = (name: string) => name in (value as object);
  if (inMap) return Object.keys(value as object).map((name) => [name, inMap]);
  return named.filter(([name]) => has(name));
}

function values(schema: SchemaNode, value: unknown): readonly Value[] {
  switch (schema["type"]) {
    case "string":
      return strings(schema);
    case "integer":
      return integers(schema);
    case "array":
      return lists(schema, value as readonly unknown[]);
    case "object":
      return objects(schema, value as Readonly<Record<string, unknown>>);
    default:
      return [{ what: "of another type", value: "text", reason: "FieldValueTypeInvalid" }];
  }
}

function strings(schema: SchemaNode): readonly Value[] {
  const { maxLength, minLength, pattern, format } = schema as { [key in string]?: unknown } & {
    maxLength?: number;
    minLength?: number;
  };
  const all: Value[] = [{ what: "of another type", value: 1, reason: "FieldValueTypeInvalid" }];
  if (schema["enum"]) return [...all, { what: "another word", value: "Nothing", reason: "FieldValueNotSupported" }];
  if (format) return [...all, { what: "of another form", value: "yesterday", reason: "FieldValueTypeInvalid" }];
  if (pattern) all.push({ what: "against its pattern", value: "not this", reason: "FieldValueInvalid" });
  if (minLength) all.push({ what: "empty", value: "", reason: "FieldValueInvalid" });
  if (maxLength) {
    all.push({ what: "as long as may be", value: "A".repeat(maxLength) });
    all.push({ what: "too long", value: "A".repeat(maxLength + 1), reason: "FieldValueTooLong" });
  }
  return all;
}

function integers(schema: SchemaNode): readonly Value[] {
  const { minimum, maximum } = schema as { minimum: number; maximum: number };
  return [
    { what: "of another type", value: "1", reason: "FieldValueTypeInvalid" },
    { what: "a fraction", value: minimum + 0.5, reason: "FieldValueTypeInvalid" },
    { what: "as small as may be", value: minimum },
    { what: "too small", value: minimum - 1, reason: "FieldValueInvalid" },
    { what: "as large as may be", value: maximum },
    { what: "too large", value: maximum + 1, reason: "FieldValueInvalid" },
  ];
}

function lists(schema: SchemaNode, value: readonly unknown[]): readonly Value[] {
  const { maxItems, minItems } = schema as { maxItems: number; minItems?: number };
  const [first] = value;
  const kind = schema["x-kubernetes-list-type"];
  const item = (schema["items"] ?? {}) as SchemaNode;
  const many = (count: number) =>
    Array.from({ length: count }, (_, index) => (kind === "atomic" ? first : distinct(first, index)));
  const all: Value[] = [{ what: "of another type", value: "text", reason: "FieldValueTypeInvalid" }];
  // A set of words cannot be longer than there are words.
  if (!item["enum"]) {
    all.push({ what: "as many as may be", value: many(maxItems) });
    all.push({ what: "too many", value: many(maxItems + 1), reason: "FieldValueTooMany" });
  }
  if (minItems) all.push({ what: "none", value: [], reason: "FieldValueInvalid" });
  if (kind !== "atomic") all.push({ what: "one twice", value: [first, first], reason: "FieldValueDuplicate", at: [1] });
  return all;
}

function distinct(value: unknown, index: number): unknown {
  return typeof value === "object" ? { ...value, type: `Type${index}` } : `${value}${index}`;
}

function objects(schema: SchemaNode, value: Readonly<Record<string, unknown>>): readonly Value[] {
  const all: Value[] = [{ what: "of another type", value: "text", reason: "FieldValueTypeInvalid" }];
  const properties = (schema["properties"] ?? {}) as Record<string, SchemaNode>;
  // What is absent gets its default first.
  const required = ((schema["required"] ?? []) as readonly string[]).filter(
    (name) => properties[name]?.["default"] === undefined,
  );
  for (const name of required) {
    const { [name]: _, ...rest } = value;
    all.push({ what: `without ${name}`, value: rest, reason: "FieldValueRequired", at: [name] });
  }
  const most = schema["maxProperties"];
  if (typeof most !== "number") return all;
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, "1"]));
  all.push({ what: "as many as may be", value: many(most) });
  all.push({ what: "too many", value: many(most + 1), reason: "FieldValueTooMany" });
  return all;
}

function changedAt(object: unknown, [step, ...rest]: Path, value: unknown): unknown {
  if (step === undefined) return value;
  const copy = (Array.isArray(object) ? [...object] : { ...(object as object) }) as Record<string | number, unknown>;
  copy[step] = changedAt(copy[step], rest, value);
  return copy;
}

function fieldOf(path: Path): string {
  return path
    .map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`))
    .join("")
    .slice(1);
}
