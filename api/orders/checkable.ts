/**
 * The resources' schemas in a form that TypeBox can check. They are written for Kubernetes: closed sets and string maps are `Unsafe` nodes there,
 * which TypeBox passes through and cannot evaluate, and formats are left to the API server.
 */
import { Kind, type TSchema, Type } from "@sinclair/typebox";

const DATE_TIME = "^\\d{4}-\\d{2}-\\d{2}[Tt]\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,9})?([Zz]|[+-]\\d{2}:\\d{2})$";

/** The same schema, checkable. */
export function checkable(schema: TSchema): TSchema {
  if (schema[Kind] === "Unsafe") return ofUnsafe(schema);
  if (schema["format"] === "date-time") {
    return { ...schema, format: undefined, pattern: DATE_TIME, fault: "expected a time such as 2026-11-20T10:00:00Z" };
  }
  const { properties, items } = schema;
  return {
    ...schema,
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties as Record<string, TSchema>).map(([name, property]) => [name, checkable(property)]),
      ),
    }),
    ...(items && { items: checkable(items) }),
  };
}

function ofUnsafe(schema: TSchema): TSchema {
  const values: unknown = schema["enum"];
  const checked = Array.isArray(values)
    ? Type.Union(values.map((value: string) => Type.Literal(value)))
    : Type.Record(Type.String(), Type.String({ maxLength: schema["additionalProperties"]?.maxLength ?? 4096 }), {
        maxProperties: schema["maxProperties"],
      });
  return isOptional(schema) ? Type.Optional(checked) : checked;
}

function isOptional(schema: TSchema): boolean {
  return Object.getOwnPropertySymbols(schema).some((symbol) => symbol.description === "TypeBox.Optional");
}
