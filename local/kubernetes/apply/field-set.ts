/**
 * A set of places in an object, as `managedFields` records it (FieldsV1).
 * Path elements are its own: `f:name` a field, `k:{"type":"A"}` an element of a map-list by key, `v:"x"` an element of a set.
 */
import { type Fields, isFields } from "../object.ts";

export type FieldSet = {
  /** Whether this very place is in the set, beside what lies below it. */
  readonly member: boolean;
  readonly children: ReadonlyMap<string, FieldSet>;
};

export const EMPTY: FieldSet = { member: false, children: new Map() };
export const HERE: FieldSet = { member: true, children: new Map() };

export function isEmpty(set: FieldSet): boolean {
  return !set.member && set.children.size === 0;
}

/** A set without branches that hold nothing. */
export function fieldSet(member: boolean, children: Iterable<readonly [string, FieldSet]>): FieldSet {
  const kept = [...children].filter(([, child]) => !isEmpty(child));
  return { member, children: new Map(kept) };
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(a)) return b;
  if (isEmpty(b)) return a;
  const children = new Map(a.children);
  for (const [element, child] of b.children) {
    const other = children.get(element);
    children.set(element, other ? union(other, child) : child);
  }
  return { member: a.member || b.member, children };
}

/** What is in `a` and not in `b`. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  const children = [...a.children].map(([element, child]): [string, FieldSet] => {
    const other = b.children.get(element);
    return [element, other ? difference(child, other) : child];
  });
  return fieldSet(a.member && !b.member, children);
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const children: [string, FieldSet][] = [];
  for (const [element, child] of a.children) {
    const other = b.children.get(element);
    if (other) children.push([element, intersection(child, other)]);
  }
  return fieldSet(a.member && b.member, children);
}

export function sameSet(a: FieldSet, b: FieldSet): boolean {
  return isEmpty(difference(a, b)) && isEmpty(difference(b, a));
}

export function toFieldsV1(set: FieldSet): Fields {
  const children = [...set.children]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([element, child]): [string, Fields] => [element, toFieldsV1(child)]);
  if (children.length === 0) return {};
  return Object.fromEntries(set.member ? [[".", {}], ...children] : children);
}

/** The inverse of toFieldsV1; `root` because the root alone is no member when it is empty. */
export function fromFieldsV1(fields: Fields, root = true): FieldSet {
  const entries = Object.entries(fields);
  const children = entries
    .filter(([element]) => element !== ".")
    .map(([element, inner]): [string, FieldSet] => [element, fromFieldsV1(isFields(inner) ? inner : {}, false)]);
  return { member: "." in fields || (!root && entries.length === 0), children: new Map(children) };
}

/** The places as messages show them: `.spec.suspend`, `.status.conditions[type="Succeeded"].status`. */
export function places(set: FieldSet, prefix = ""): readonly string[] {
  const own = set.member ? [prefix] : [];
  return [...own, ...[...set.children].flatMap(([element, child]) => places(child, `${prefix}${shown(element)}`))];
}

function shown(element: string): string {
  const text = element.slice(2);
  if (element.startsWith("f:")) return `.${text}`;
  if (element.startsWith("v:")) return `[=${text}]`;
  const keys: unknown = JSON.parse(text);
  const pairs = Object.entries(isFields(keys) ? keys : {});
  return `[${pairs.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(",")}]`;
}
