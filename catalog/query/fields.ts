/**
 * Finds what a field name means (rs-order.md §5.5): a static field of every product, or an attribute that some import brought.
 * Attributes are asked by full name, by `properties.` or `feature.properties.` in front, or by their last part where only one ends so.
 * `productId` is `providerId` (D14); an attribute of that name is reached as `properties.productId`.
 */
import { closest } from "./did-you-mean.ts";
import { FieldError } from "./field-error.ts";

export type AttributeType = "string" | "integer" | "double" | "boolean" | "date";
/** All attributes of a tenant; imports of different origin may give one name several types. */
export type Attributes = ReadonlyMap<string, ReadonlySet<AttributeType>>;

/** Products are `p` in the SQL. */
export type Target =
  /** A text expression that is never NULL. */
  | { readonly kind: "text"; readonly sql: string }
  | { readonly kind: "scalar"; readonly type: "integer" | "boolean" | "date"; readonly sql: string }
  /** True where `test` holds for one of several texts `v.value`; `equals` is a quicker way to ask for one text. */
  | { readonly kind: "texts"; readonly some: (test: string) => string; readonly equals?: (value: string) => string }
  | { readonly kind: "attribute"; readonly name: string; readonly types: ReadonlySet<AttributeType> };

const text = (sql: string): Target => ({ kind: "text", sql });

const STATIC: Readonly<Record<string, Target>> = {
  id: text("p.urn"),
  virtualId: text("p.virtual_urn"),
  providerId: text("p.provider_id"),
  productId: text("p.provider_id"),
  label: text("p.label"),
  model: text("p.model"),
  version: { kind: "scalar", type: "integer", sql: "p.version" },
  last: { kind: "scalar", type: "boolean", sql: "p.last" },
  _creationDate: { kind: "scalar", type: "date", sql: "p.created_at" },
  _lastUpdate: { kind: "scalar", type: "date", sql: "p.updated_at" },
  tags: {
    kind: "texts",
    some: (test) => `EXISTS (SELECT FROM unnest(p.tags) AS v(value) WHERE ${test})`,
    equals: (value) => `p.tags @> ARRAY[${value}]::text[]`,
  },
  rawdata: {
    kind: "texts",
    some: (test) =>
      `EXISTS (SELECT FROM product_files f, LATERAL (SELECT f.filename AS value) v WHERE f.product_id = p.id AND f.type = 'RAWDATA' AND ${test})`,
  },
  datasetModelNames: {
    kind: "texts",
    some: (test) =>
      `p.dataset_ids && ARRAY(SELECT d.id FROM datasets d, LATERAL (SELECT d.model AS value) v WHERE ${test})`,
  },
};

const PREFIX = /^(?:feature\.)?properties\./;

export function resolveField(name: string, attributes: Attributes): Target {
  const plain = name.replace(PREFIX, "");
  if (plain === name && Object.hasOwn(STATIC, name)) return STATIC[name] ?? text("p.urn");
  const types = attributes.get(plain);
  if (types) return { kind: "attribute", name: plain, types };
  const ending = [...attributes.keys()].filter((key) => lastPart(key) === plain);
  const [only] = ending;
  if (ending.length > 1) {
    throw new FieldError(`Attribute '${name}' is ambiguous: expected one of ${ending.sort().map(quoted).join(", ")}`);
  }
  if (only === undefined) throw new FieldError(unknown(name, attributes));
  return { kind: "attribute", name: only, types: attributes.get(only) ?? new Set() };
}

/** `cloud_cover` of `eo:cloud_cover`, `level` of `processing.level`. */
function lastPart(name: string): string {
  return name.slice(Math.max(name.lastIndexOf("."), name.lastIndexOf(":")) + 1);
}

function unknown(name: string, attributes: Attributes): string {
  const [first = ""] = name.split(":");
  if (name.includes(":") && (Object.hasOwn(STATIC, first) || attributes.has(first))) {
    return `Unknown attribute '${name}' (a value of '${first}' that holds ':' must be quoted)`;
  }
  const near = closest(name.replace(PREFIX, ""), [...Object.keys(STATIC), ...attributes.keys()]);
  return `Unknown attribute '${name}'${near === undefined ? "" : ` (did you mean '${near}'?)`}`;
}

function quoted(name: string): string {
  return `'${name}'`;
}
