/**
 * The few schema forms that a Kubernetes structural schema allows, as TypeBox builders.
 * Plain `Type.Union` and `Type.Record` make forms that the API server refuses (`anyOf` with types inside, `patternProperties`);
 * use these instead. Every builder demands a bound and a description: the bound keeps CEL within its cost budget, the description is `kubectl explain`.
 */
import { type TArray, type TSchema, type TUnsafe, Type } from "@sinclair/typebox";

/** A CEL rule, as `x-kubernetes-validations` carries it. */
export type CelRule = { readonly rule: string; readonly message: string; readonly fieldPath?: string };

/** Adds CEL rules to a schema node; the message says what the value must be. */
export function withRules<S extends TSchema>(schema: S, rules: readonly CelRule[]): S {
  return { ...schema, "x-kubernetes-validations": rules };
}

/** A string out of a closed set. Values are PascalCase or the contract's own upper-case words. */
export function stringEnum<const V extends readonly string[]>(values: V, description: string): TUnsafe<V[number]> {
  return Type.Unsafe<V[number]>({ type: "string", enum: [...values], description });
}

/** A string of at most `maxLength` characters. */
export function text(maxLength: number, description: string, options: { minLength?: number; pattern?: string } = {}) {
  return Type.String({ ...options, maxLength, description });
}

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
  return Type.Unsafe<Record<string, string>>({
    type: "object",
    maxProperties,
    additionalProperties: { type: "string", maxLength },
    description,
  });
}

/** Any JSON object, kept as it is: for schemas that an administrator writes. */
export function openObject(description: string): TUnsafe<Record<string, unknown>> {
  return Type.Unsafe<Record<string, unknown>>({
    type: "object",
    "x-kubernetes-preserve-unknown-fields": true,
    description,
  });
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
