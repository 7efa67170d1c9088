/**
 * How a value is taken apart for ownership: field by field, element by element, or not at all.
 * The schema decides; where it is silent (preserved unknown fields), maps are granular and lists are atomic.
 */
import { isFields } from "../object.ts";
import { deref } from "../openapi/components.ts";
import type { Schema } from "../resources/kind.ts";
import { mapKeys, sorted } from "../validation/list-types.ts";
import { fieldSchema } from "../validation/walk.ts";

export type Part = {
  readonly element: string;
  readonly value: unknown;
  readonly node: Schema;
  readonly named: boolean;
};

/** The parts of a value by path element; `undefined` for what is owned as a whole. */
export function parts(value: unknown, node: Schema): ReadonlyMap<string, Part> | undefined {
  if (isFields(value)) return fieldParts(value, node);
  if (Array.isArray(value)) return itemParts(value, node);
  return undefined;
}

function fieldParts(value: { readonly [key: string]: unknown }, node: Schema): ReadonlyMap<string, Part> | undefined {
  if (node["x-kubernetes-map-type"] === "atomic") return undefined;
  const result = new Map<string, Part>();
  for (const [field, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    const named = node.properties?.[field] !== undefined;
    const element = `f:${field}`;
    result.set(element, { element, value: inner, node: fieldSchema(node, field) ?? {}, named });
  }
  return result;
}

function itemParts(value: readonly unknown[], node: Schema): ReadonlyMap<string, Part> | undefined {
  const type = node["x-kubernetes-list-type"];
  if (type !== "set" && type !== "map") return undefined;
  const items = node.items ? deref(node.items) : {};
  const result = new Map<string, Part>();
  for (const item of value) {
    const element = type === "set" ? `v:${JSON.stringify(item)}` : `k:${JSON.stringify(sorted(mapKeys(item, node)))}`;
    result.set(element, { element, value: item, node: items, named: false });
  }
  return result;
}
