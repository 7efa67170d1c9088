/**
 * From a TypeBox schema to what a CRD may hold: an OpenAPI v3 structural schema, or a list of the places that are none.
 * It refuses more than the API server does: whatever has no bound (CEL cost, etcd limit) and whatever has no description (`kubectl explain`).
 */
import { Kind, type TSchema } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

export type SchemaNode = Readonly<Record<string, unknown>>;

/** Keys that pass unchanged. `additionalProperties: false` is left out: the API server prunes unknown fields and refuses the two together. */
const SCALAR_KEYS = ["type", "description", "format", "default", "nullable"] as const;
const KEYS_BY_TYPE: Readonly<Record<string, readonly string[]>> = {
  string: ["enum", "minLength", "maxLength", "pattern"],
  integer: ["minimum", "maximum"],
  boolean: [],
  array: ["items", "minItems", "maxItems", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"],
  object: [
    "properties",
    "required",
    "additionalProperties",
    "minProperties",
    "maxProperties",
    "x-kubernetes-preserve-unknown-fields",
  ],
};
const RULES = "x-kubernetes-validations";
const FORMATS: Readonly<Record<string, readonly string[]>> = { string: ["date-time"], integer: ["int32", "int64"] };
const INT32_MAX = 2 ** 31 - 1;

/** Translates a schema; throws with every reason why it cannot be. */
export function structuralSchema(schema: SchemaNode, name: string): SchemaNode {
  const problems: string[] = [];
  const result = translate(schema, { path: name, described: true, problems });
  if (problems.length > 0) throw new Error(`Cannot make a structural schema:\n  ${problems.join("\n  ")}`);
  return result;
}

type Place = { readonly path: string; readonly described: boolean; readonly problems: string[] };

function translate(node: SchemaNode, place: Place): SchemaNode {
  const refuse = (why: string) => void place.problems.push(`${place.path}: ${why}`);
  const type = node["type"];
  const keys = typeof type === "string" ? KEYS_BY_TYPE[type] : undefined;
  if (typeof type !== "string" || keys === undefined) {
    refuse(
      type === undefined ? `has no type (${Object.keys(node).join(", ")})` : `type '${String(type)}' is not allowed`,
    );
    return {};
  }
  for (const why of [...unknownKeys(node, keys), ...unbounded(node, type), ...misdescribed(node, place.described)])
    refuse(why);
  const result: Record<string, unknown> = {};
  for (const key of [...SCALAR_KEYS, ...keys, RULES]) {
    const value = node[key];
    if (value === undefined || (key === "additionalProperties" && value === false) || isEmptyProperties(key, value))
      continue;
    result[key] = translateValue(key, value, place);
  }
  return withoutDefaults(result);
}

/** What has a default need not be given: a required field without a value is what kubectl and editors complain of before the server can fill it in. */
function withoutDefaults({ required, ...node }: Record<string, unknown>): SchemaNode {
  const properties = (node["properties"] ?? {}) as Record<string, SchemaNode>;
  const needed = ((required ?? []) as readonly string[]).filter((name) => properties[name]?.["default"] === undefined);
  return needed.length > 0 ? { ...node, required: needed } : node;
}

/** TypeBox gives every object `properties`, also one that is a map or open. */
function isEmptyProperties(key: string, value: unknown): boolean {
  return key === "properties" && Object.keys(value as object).length === 0;
}

/** The value of one key: schemas within it translated, all else as it is. */
function translateValue(key: string, value: unknown, place: Place): unknown {
  if (key === "items") return translate(value as SchemaNode, { ...place, path: `${place.path}[]` });
  if (key === "additionalProperties")
    return translate(value as SchemaNode, { ...place, path: `${place.path}{}`, described: false });
  if (key !== "properties") return value;
  const properties: Record<string, SchemaNode> = {};
  for (const [name, property] of Object.entries(value as Record<string, SchemaNode>)) {
    properties[name] = translate(property, { ...place, path: `${place.path}.${name}` });
  }
  return properties;
}

function* unknownKeys(node: SchemaNode, keys: readonly string[]): Iterable<string> {
  const allowed = new Set<string>([...SCALAR_KEYS, ...keys, RULES]);
  for (const key of Object.keys(node)) if (!allowed.has(key)) yield `'${key}' is not allowed`;
  const format = node["format"];
  if (format !== undefined && !FORMATS[String(node["type"])]?.includes(String(format))) {
    yield `format '${String(format)}' is not allowed`;
  }
}

function* misdescribed(node: SchemaNode, described: boolean): Iterable<string> {
  if (described && !node["description"]) yield "has no description";
  if (node["default"] !== undefined && isTypeBox(node) && !Value.Check(node, node["default"])) {
    yield "its default is not valid";
  }
}

function isTypeBox(node: SchemaNode | TSchema): node is TSchema {
  return Kind in node;
}

function unbounded(node: SchemaNode, type: string): readonly string[] {
  switch (type) {
    case "string":
      return node["maxLength"] === undefined && node["enum"] === undefined ? ["has no maxLength"] : [];
    case "integer":
      return unboundedInteger(node);
    case "array":
      return unboundedList(node);
    case "object":
      return unboundedObject(node);
    default:
      return [];
  }
}

function unboundedInteger(node: SchemaNode): string[] {
  const { minimum, maximum, format } = node as { minimum?: number; maximum?: number; format?: string };
  if (minimum === undefined || maximum === undefined) return ["has no minimum or no maximum"];
  if (format === undefined) return ["has no format"];
  if (format === "int32" && (maximum > INT32_MAX || minimum < -INT32_MAX - 1)) return ["its bounds do not fit int32"];
  return Number.isSafeInteger(maximum) && Number.isSafeInteger(minimum) ? [] : ["its bounds are not exact numbers"];
}

function unboundedList(node: SchemaNode): string[] {
  const problems: string[] = [];
  if (node["maxItems"] === undefined) problems.push("has no maxItems");
  const kind = node["x-kubernetes-list-type"];
  if (kind === undefined) problems.push("has no x-kubernetes-list-type");
  const items = node["items"] as { type?: string; required?: readonly string[] } | undefined;
  if (kind === "set" && items?.type === "object") problems.push("is a set of objects");
  if (kind === "map") {
    const keys = (node["x-kubernetes-list-map-keys"] ?? []) as readonly string[];
    if (keys.length === 0) problems.push("has no x-kubernetes-list-map-keys");
    for (const key of keys) if (!items?.required?.includes(key)) problems.push(`its key '${key}' is not required`);
  }
  return problems;
}

function unboundedObject(node: SchemaNode): string[] {
  const map = typeof node["additionalProperties"] === "object";
  const open = node["x-kubernetes-preserve-unknown-fields"] === true;
  if (Object.keys(node["properties"] ?? {}).length > 0) {
    if (map) return ["has both properties and additionalProperties"];
    return open ? ["has properties and is open"] : [];
  }
  if (!map && !open) return ["has neither properties nor additionalProperties"];
  return node["maxProperties"] === undefined ? ["has no maxProperties"] : [];
}
