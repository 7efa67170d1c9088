/** Which places a value speaks of, and which differ between two values: the two questions behind every managedFields entry. */
import { isFields, sameJson } from "../object.ts";
import type { Schema } from "../resources/kind.ts";
import { EMPTY, type FieldSet, fieldSet, HERE } from "./field-set.ts";
import { type Part, parts } from "./structure.ts";

/** The places that an applied configuration claims: its leaves, and the elements of its lists and free maps. */
export function claimed(value: unknown, node: Schema): FieldSet {
  const own = parts(value, node);
  if (own === undefined || value === null) return HERE;
  const children = [...own.values()].map((part): [string, FieldSet] => {
    const below = claimed(part.value, part.node);
    const itself = !part.named || isEmptyMap(part.value);
    return [part.element, itself ? { ...below, member: true } : below];
  });
  // An empty list or map claims itself, so that giving it up can be told from never having had it.
  return fieldSet(children.length === 0, children);
}

function isEmptyMap(value: unknown): boolean {
  return value === null || (isFields(value) && Object.keys(value).length === 0);
}

/** Every place of a value, containers too: what appears or vanishes with it. */
function everything(value: unknown, node: Schema): FieldSet {
  const own = parts(value, node);
  if (own === undefined) return HERE;
  const children = [...own.values()].map((part): [string, FieldSet] => [
    part.element,
    everything(part.value, part.node),
  ]);
  return fieldSet(true, children);
}

export type Comparison = { readonly changed: FieldSet; readonly removed: FieldSet };

const SAME: Comparison = { changed: EMPTY, removed: EMPTY };

/** What was added or changed, and what was removed, between two values. */
export function compare(before: unknown, after: unknown, node: Schema): Comparison {
  if (before === after) return SAME;
  if (before === undefined) return { changed: everything(after, node), removed: EMPTY };
  if (after === undefined) return { changed: EMPTY, removed: everything(before, node) };
  const old = parts(before, node);
  const now = parts(after, node);
  if (!old || !now) return sameJson(before, after) ? SAME : { changed: HERE, removed: EMPTY };
  return compareParts(old, now);
}

function compareParts(old: ReadonlyMap<string, Part>, now: ReadonlyMap<string, Part>): Comparison {
  const changed: [string, FieldSet][] = [];
  const removed: [string, FieldSet][] = [];
  for (const element of new Set([...old.keys(), ...now.keys()])) {
    const a = old.get(element);
    const b = now.get(element);
    const inner = compare(a?.value, b?.value, (b ?? a)?.node ?? {});
    changed.push([element, inner.changed]);
    removed.push([element, inner.removed]);
  }
  return { changed: fieldSet(false, changed), removed: fieldSet(false, removed) };
}
