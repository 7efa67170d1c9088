/** How validation names places in an object: `spec.selections[0].query`, `spec.process.parameters.a`. */

import { deref } from "../openapi/components.ts";
import type { Schema } from "../resources/kind.ts";

export function fieldPath(parent: string, field: string): string {
  return parent === "" ? field : `${parent}.${field}`;
}

/** Schema of a field of an object node; `undefined` where the schema does not know it. */
export function fieldSchema(node: Schema, field: string): Schema | undefined {
  const named = node.properties?.[field];
  if (named && Object.hasOwn(node.properties ?? {}, field)) return deref(named);
  if (typeof node.additionalProperties === "object") return deref(node.additionalProperties);
  return undefined;
}

/** Whether the node says nothing about its fields, so that anything may stand there. */
export function isOpen(node: Schema): boolean {
  if (node["x-kubernetes-preserve-unknown-fields"] || node.additionalProperties === true) return true;
  // A built-in node without a type or fields: IntOrString, Quantity, FieldsV1, RawExtension.
  return node.properties === undefined && node.additionalProperties === undefined;
}
