/**
 * The few schema forms that a Kubernetes structural schema allows, as TypeBox builders.
 * Plain `Type.Union` and `Type.Record` make forms that the API server refuses (`anyOf` with types inside, `patternProperties`);
 * use these instead. Every builder demands a bound and a description: the bound keeps CEL within its cost budget, the description is `kubectl explain`.
 */
import { FormatRegistry, Kind, type TArray, type TSchema, type TUnsafe, Type, TypeRegistry } from "@sinclair/typebox";

/** A CEL rule, as `x-kubernetes-validations` carries it. */
export type CelRule = { readonly rule: string; readonly message: string; readonly fieldPath?: string };

/** Adds CEL rules to a schema node; the message says what the value must be. */
export function withRules<S extends TSchema>(schema: S, rules: readonly CelRule[]): S {
  return { ...schema, "x-kubernetes-validations": rules };
}

/** TypeBox checks no `enum` of its own strings and refuses every value of a kind that nobody has registered. */
const STRING_ENUM = "StringEnum";
if (!TypeRegistry.Has(STRING_ENUM)) {
  TypeRegistry.Set<{ enum: readonly string[] }>(STRING_ENUM, (schema, value) => schema.enum.includes(value as string));
}

/** A string out of a closed set. Values are PascalCase or the contract's own upper-case words. */
export function stringEnum<const V extends readonly string[]>(
  values: V,
  description: string,
  options: { readonly default?: V[number] } = {},
): TUnsafe<V[number]> {
  return Type.Unsafe<V[number]>({ [Kind]: STRING_ENUM, type: "string", enum: [...values], description, ...options });
}

/** A string of at most `maxLength` characters. */
export function text(maxLength: number, description: string, options: { minLength?: number; pattern?: string } = {}) {
  return Type.String({ ...options, maxLength, description });
}

/** Whether a text is a point in time of RFC 3339, on a day that exists. */
export function isTime(value: string): boolean {
  const parts = /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/.exec(value);
  if (parts === null || Number(parts[2]) > 23 || Number(parts[3]) > 59 || Number(parts[4]) > 59) return false;
  const day = new Date(`${parts[1]}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(parts[1] ?? "");
}

// TypeBox refuses every value of a format that nobody has registered.
if (!FormatRegistry.Has("date-time")) FormatRegistry.Set("date-time", isTime);

/** A point in time, RFC 3339. */
export function time(description: string) {
  return Type.String({ format: "date-time", maxLength: 64, description });
}

/** A whole number that fits a JavaScript number: bytes and counts. */
export function count(description: string, options: { minimum?: number; maximum?: number; default?: number } = {}) {
  return Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, ...options, format: "int64", description });
}

/** A map from string to string with at most `maxProperties` entries. */
export function stringMap(
  maxProperties: number,
  maxLength: number,
  description: string,
): TUnsafe<Record<string, string>> {
  const additionalProperties = Type.String({ maxLength });
  return Type.Unsafe<Record<string, string>>(Type.Object({}, { maxProperties, additionalProperties, description }));
}

/** Any JSON object, kept as it is: for schemas that an administrator writes. */
export function openObject(description: string): TUnsafe<Record<string, unknown>> {
  const open = { maxProperties: 64, "x-kubernetes-preserve-unknown-fields": true, description };
  return Type.Unsafe<Record<string, unknown>>(Type.Object({}, open));
}

/** A list without an identity of its elements; `set` where they are scalars that must differ. */
export function list<S extends TSchema>(
  items: S,
  options: { maxItems: number; minItems?: number; kind?: "atomic" | "set"; description: string },
): TArray<S> {
  const { kind = "atomic", ...rest } = options;
  return Type.Array(items, { ...rest, "x-kubernetes-list-type": kind });
}

/** A list whose elements are told apart by the keys named, as in server-side apply. */
export function keyedList<S extends TSchema>(
  items: S,
  options: { maxItems: number; keys: readonly string[]; description: string },
): TArray<S> {
  const { keys, ...rest } = options;
  return Type.Array(items, { ...rest, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [...keys] });
}
