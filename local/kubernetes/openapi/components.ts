/**
 * The schemas of the built-in kinds, as Kubernetes publishes them (builtin-schemas.jsonl, one a line; made by generate.ts), read when first needed.
 * `deref` follows `$ref` and the one-element `allOf` that OpenAPI v3 uses to put a description or default beside a reference.
 */
import { readFileSync } from "node:fs";
import type { Schema } from "../resources/kind.ts";

let lines: ReadonlyMap<string, string> | undefined;
const parsed = new Map<string, Schema>();
const resolved = new WeakMap<Schema, Schema>();

function load(): ReadonlyMap<string, string> {
  const text = readFileSync(new URL("./builtin-schemas.jsonl", import.meta.url), "utf8");
  const entries = text
    .split("\n")
    .filter((line) => line !== "")
    .map((line): [string, string] => [line.slice(2, line.indexOf('"', 2)), line]);
  return new Map(entries);
}

/** The built-in schema of this name, e.g. `io.k8s.api.core.v1.Pod`. */
export function component(name: string): Schema {
  const known = parsed.get(name);
  if (known) return known;
  lines ??= load();
  const line = lines.get(name);
  if (line === undefined) throw new Error(`Cannot find schema '${name}': not among the built-in ones`);
  const [, schema]: [string, Schema] = JSON.parse(line);
  parsed.set(name, schema);
  return schema;
}

/** Name of the component that a `$ref` points to. */
export function referenceName(ref: string): string {
  return ref.slice(ref.lastIndexOf("/") + 1);
}

/** The node itself, what it refers to, or both put together. */
export function deref(schema: Schema): Schema {
  if (schema.$ref === undefined && schema.allOf === undefined) return schema;
  const known = resolved.get(schema);
  if (known) return known;
  const { $ref, allOf, ...own } = schema;
  const parts = [...($ref === undefined ? [] : [component(referenceName($ref))]), ...(allOf ?? [])];
  const result: Schema = Object.assign({}, ...parts.map(deref), own);
  resolved.set(schema, result);
  return result;
}
