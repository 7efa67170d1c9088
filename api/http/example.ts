/**
 * An example of what a schema describes: the one that it has itself, or else one put together from its parts. So every body and answer of the
 * OpenAPI document has one, also of routes that come later, and none can be forgotten when a field is added.
 */
type Schema = Readonly<Record<string, unknown>>;

const BY_FORMAT: Readonly<Record<string, string>> = {
  "date-time": "2026-03-01T10:00:00Z",
  date: "2026-03-01",
  email: "ada@example.org",
  uri: "https://archive.example.org/api/v1/rs-order/user/orders/1",
  uuid: "7d684cf2-7ae4-4a1a-aa09-7a06f2eb5373",
};

/** Of a schema in plain JSON Schema; `components` are what its references name. */
export function exampleOf(schema: Schema, components: Readonly<Record<string, Schema>>): unknown {
  const own = given(schema);
  if (own !== undefined) return own;
  if (typeof schema["$ref"] === "string") {
    return exampleOf(components[schema["$ref"].split("/").at(-1) ?? ""] ?? {}, components);
  }
  const choices = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(choices)) return exampleOf(choices[0], components);
  switch (schema["type"]) {
    case "object":
      return objectOf(schema, components);
    case "array":
      return [exampleOf((schema["items"] ?? {}) as Schema, components)];
    default:
      return scalarOf(schema);
  }
}

function given(schema: Schema): unknown {
  const { examples, example, const: only, enum: values } = schema;
  return [examples, values].find(Array.isArray)?.[0] ?? example ?? only;
}

function objectOf(schema: Schema, components: Readonly<Record<string, Schema>>): unknown {
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, Schema>);
  const members = properties.map(([name, inner]) => [name, exampleOf(inner, components)]);
  if (members.length > 0) return Object.fromEntries(members);
  const [pattern, inner] = Object.entries((schema["patternProperties"] ?? {}) as Record<string, Schema>)[0] ?? [];
  return pattern !== undefined && inner ? { key: exampleOf(inner, components) } : {};
}

function scalarOf(schema: Schema): unknown {
  switch (schema["type"]) {
    case "integer":
    case "number":
      return Math.max(Number(schema["minimum"] ?? 1), 1);
    case "boolean":
      return false;
    case "string":
      return BY_FORMAT[String(schema["format"])] ?? "text";
    default:
      return {};
  }
}
