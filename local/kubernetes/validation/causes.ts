/** The causes of a 422 answer, worded as k8s.io/apimachinery's field.Error words them. */
import type { Cause } from "../status.ts";

/** A value as Go's `%v`/`%q` puts it into messages: strings quoted, objects as their JSON. */
function shown(value: unknown): string {
  return typeof value === "string" || typeof value === "object" ? JSON.stringify(value) : String(value);
}

export function required(field: string, detail = ""): Cause {
  return { reason: "FieldValueRequired", message: `Required value${detail && `: ${detail}`}`, field };
}

export function invalidValue(field: string, value: unknown, detail: string): Cause {
  return { reason: "FieldValueInvalid", message: `Invalid value: ${shown(value)}: ${detail}`, field };
}

export function wrongType(field: string, value: unknown, type: string): Cause {
  const kind = shown(typeNameOf(value));
  return {
    reason: "FieldValueTypeInvalid",
    message: `Invalid value: ${kind}: ${field} in body must be of type ${type}: ${kind}`,
    field,
  };
}

export function notSupported(field: string, value: unknown, supported: readonly unknown[]): Cause {
  const values = supported.map(shown).join(", ");
  return {
    reason: "FieldValueNotSupported",
    message: `Unsupported value: ${shown(value)}: supported values: ${values}`,
    field,
  };
}

export function tooLong(field: string, limit: number): Cause {
  return { reason: "FieldValueTooLong", message: `Too long: may not be more than ${limit} bytes`, field };
}

export function tooMany(field: string, actual: number, limit: number): Cause {
  const items = limit === 1 ? "item" : "items";
  return { reason: "FieldValueTooMany", message: `Too many: ${actual}: must have at most ${limit} ${items}`, field };
}

export function duplicate(field: string, value: unknown): Cause {
  return { reason: "FieldValueDuplicate", message: `Duplicate value: ${shown(value)}`, field };
}

export function forbiddenField(field: string, detail: string): Cause {
  return { reason: "FieldValueForbidden", message: `Forbidden: ${detail}`, field };
}

/** The JSON type of a value, as OpenAPI names it. */
export function typeNameOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}
