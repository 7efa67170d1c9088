/** A kind out of its CustomResourceDefinition: schema, columns, selectable fields, all for the one version that is served. */
import { at, type Fields, fieldsOf, isFields, type KubeObject, listOf } from "../object.ts";
import { age } from "../table/age.ts";
import { findPath, type JsonPath, parseJsonPath } from "../table/json-path.ts";
import { AGE_COLUMN, ageCell, NAME_COLUMN } from "./define.ts";
import { type Column, type Kind, type Row, resourceName, type Schema } from "./kind.ts";

type PrinterColumn = Column & { readonly path: JsonPath };

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function texts(value: unknown): readonly string[] {
  return listOf(value).map(text);
}

const TYPES = ["string", "integer", "number", "boolean", "date"] as const;

function printerColumn(value: unknown): PrinterColumn {
  const column = fieldsOf(value);
  const type = TYPES.find((name) => name === column["type"]) ?? "string";
  return {
    name: text(column["name"]),
    type,
    format: text(column["format"]),
    description:
      text(column["description"]) || `Custom resource definition column (in JSONPath format): ${column["jsonPath"]}`,
    priority: Number(column["priority"] ?? 0),
    path: parseJsonPath(text(column["jsonPath"])),
  };
}

function cell(object: KubeObject, column: PrinterColumn, now: Date): unknown {
  const [value] = findPath(object, column.path);
  if (value === undefined || value === null) return null;
  if (column.type === "date") return age(value, now);
  if (column.type === "string" && typeof value === "object") return JSON.stringify(value);
  return value;
}

function columnsOf(version: Fields): { columns: readonly Column[]; row: Row } {
  const custom = listOf(version["additionalPrinterColumns"]).map(printerColumn);
  if (custom.length === 0) {
    return { columns: [NAME_COLUMN, AGE_COLUMN], row: (object, now) => [object.metadata.name, ageCell(object, now)] };
  }
  return {
    columns: [NAME_COLUMN, ...custom.map(({ path: _, ...column }) => column)],
    row: (object, now) => [object.metadata.name, ...custom.map((column) => cell(object, column, now))],
  };
}

function selectableOf(version: Fields): Kind["selectable"] {
  const fields = listOf(version["selectableFields"]).map((field) => text(at(field, "jsonPath")));
  return Object.fromEntries(
    fields.map((path) => {
      const parsed = parseJsonPath(path);
      const read = (object: KubeObject) => {
        const [value] = findPath(object, parsed);
        return value === undefined || value === null ? "" : String(value);
      };
      return [path.replace(/^\./, ""), read];
    }),
  );
}

/** The kinds that a CustomResourceDefinition serves: one per served version; all share the store. */
export function customKinds(definition: KubeObject): readonly Kind[] {
  const spec = fieldsOf(definition["spec"]);
  const names = fieldsOf(spec["names"]);
  const versions = listOf(spec["versions"]).filter(isFields);
  return versions.filter((version) => version["served"] === true).map((version) => customKind(spec, names, version));
}

function customKind(spec: Fields, names: Fields, version: Fields): Kind {
  const group = text(spec["group"]);
  const plural = text(names["plural"]);
  const kind = text(names["kind"]);
  const schema: Schema = fieldsOf(at(version, "schema", "openAPIV3Schema"));
  return {
    group,
    version: text(version["name"]),
    plural,
    kind,
    singular: text(names["singular"]) || kind.toLowerCase(),
    listKind: text(names["listKind"]) || `${kind}List`,
    shortNames: texts(names["shortNames"]),
    categories: texts(names["categories"]),
    namespaced: spec["scope"] === "Namespaced",
    storage: resourceName({ group, plural }),
    schema,
    builtin: false,
    statusSubresource: isFields(at(version, "subresources", "status")),
    generation: true,
    ...columnsOf(version),
    selectable: selectableOf(version),
    strategy: {},
  };
}
