/**
 * The JSON that the server handles: Kubernetes objects of any kind, treated as values that never change once made.
 * Everything below `metadata` is `unknown` on purpose: what a field must look like is the schema's business, not the compiler's.
 */
import type { ObjectMeta } from "#kube/resource.ts";

export type Fields = { readonly [key: string]: unknown };

export type ManagedFieldsEntry = {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly time?: string;
  readonly fieldsType: "FieldsV1";
  readonly fieldsV1: Fields;
  readonly subresource?: string;
};

export type Metadata = ObjectMeta & {
  readonly generateName?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly managedFields?: readonly ManagedFieldsEntry[];
};

export type KubeObject = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly [field: string]: unknown;
};

/** Whether the value is a JSON object (and no list). */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value as a JSON object, or an empty one where it is something else. */
export function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

/** The value as a list, or an empty one where it is something else. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The value at a path of field names, `undefined` where the way ends early. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value;
  for (const field of path) here = fieldsOf(here)[field];
  return here;
}

/** The same object without the named fields. */
export function without(value: Fields, ...names: readonly string[]): Fields {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !names.includes(key)));
}

/** Whether two JSON values are the same; the order of fields does not count, `undefined` is absence. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, index) => sameJson(item, b[index]));
  }
  if (!isFields(a) || !isFields(b)) return false;
  return covers(a, b) && covers(b, a);
}

function covers(a: Fields, b: Fields): boolean {
  for (const key in a) {
    if (a[key] !== b[key] && !sameJson(a[key], b[key])) return false;
  }
  return true;
}

/** Seconds-precise RFC 3339 in UTC, as Kubernetes writes a `Time`. */
export function kubeTime(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
