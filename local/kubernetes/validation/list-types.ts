/** Lists whose elements have an identity: sets (the value itself) and maps (the values of some keys). */
import { at, fieldsOf } from "../object.ts";
import { deref } from "../openapi/components.ts";
import type { Schema } from "../resources/kind.ts";
import type { Cause } from "../status.ts";
import { duplicate } from "./causes.ts";

/** The keys of a map-list and their values in this element; a missing key counts with its default. */
export function mapKeys(item: unknown, node: Schema): Record<string, unknown> {
  const names = node["x-kubernetes-list-map-keys"] ?? [];
  const items = node.items ? deref(node.items) : {};
  return Object.fromEntries(
    names
      .map((name) => [name, at(item, name) ?? at(items, "properties", name, "default")])
      .filter(([, value]) => value !== undefined),
  );
}

/** Identity of an element as text; `undefined` for atomic lists, whose elements have none. */
export function identify(item: unknown, node: Schema): string | undefined {
  switch (node["x-kubernetes-list-type"]) {
    case "map":
      return JSON.stringify(sorted(mapKeys(item, node)));
    case "set":
      return JSON.stringify(item);
    default:
      return undefined;
  }
}

/** The same fields in the order of their names, so that equal keys give equal text. */
export function sorted(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function checkListType(value: readonly unknown[], node: Schema, path: string): readonly Cause[] {
  const seen = new Set<string>();
  const causes: Cause[] = [];
  value.forEach((item, index) => {
    const identity = identify(item, node);
    if (identity === undefined) return;
    if (seen.has(identity)) {
      const shown = node["x-kubernetes-list-type"] === "map" ? mapKeys(fieldsOf(item), node) : item;
      causes.push(duplicate(`${path}[${index}]`, shown));
    }
    seen.add(identity);
  });
  return causes;
}
