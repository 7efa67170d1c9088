/** Merging an applied configuration into the live object, and taking out what its owner no longer mentions. */
import type { Schema } from "../resources/kind.ts";
import type { FieldSet } from "./field-set.ts";
import { parts } from "./structure.ts";

/** The live value with everything that the configuration says. */
export function mergeApplied(live: unknown, applied: unknown, node: Schema): unknown {
  if (live === undefined) return applied;
  const own = parts(live, node);
  const theirs = parts(applied, node);
  if (!own || !theirs || Array.isArray(live) !== Array.isArray(applied)) return applied;
  const merged = new Map([...own].map(([element, part]) => [element, part.value]));
  for (const [element, part] of theirs) merged.set(element, mergeApplied(merged.get(element), part.value, part.node));
  return rebuild(live, merged);
}

/** A map or list out of its parts. */
function rebuild(like: unknown, values: ReadonlyMap<string, unknown>): unknown {
  if (Array.isArray(like)) return [...values.values()];
  return Object.fromEntries([...values].map(([element, value]) => [element.slice(2), value]));
}

/** The value without the places that were in `last` and that nobody in `kept` speaks of any more. */
export function dropAbandoned(value: unknown, o: { last: FieldSet; kept: FieldSet; node: Schema }): unknown {
  const own = parts(value, o.node);
  if (!own || o.last.children.size === 0) return value;
  const result = new Map<string, unknown>();
  let touched = false;
  for (const [element, part] of own) {
    const last = o.last.children.get(element);
    const kept = o.kept.children.get(element);
    if (last && !kept) {
      touched = true;
      continue;
    }
    const inner = last && kept ? dropAbandoned(part.value, { last, kept, node: part.node }) : part.value;
    touched ||= inner !== part.value;
    result.set(element, inner);
  }
  return touched ? rebuild(value, result) : value;
}
