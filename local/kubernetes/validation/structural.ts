/**
 * Checks a value against its schema: types, bounds, patterns, required fields, list types, CEL rules.
 * On an update what did not change is not held against the writer ("ratcheting"), so a schema can be tightened while old objects live;
 * rules that look at `oldSelf` run only where there is an old value.
 */
import { isFields, sameJson } from "../object.ts";
import { deref } from "../openapi/components.ts";
import type { Schema } from "../resources/kind.ts";
import type { Cause } from "../status.ts";
import { required, typeNameOf, wrongType } from "./causes.ts";
import { checkRules } from "./cel.ts";
import { checkListType, identify } from "./list-types.ts";
import { checkArray, checkEnum, checkMap, checkNumber, checkString } from "./scalars.ts";
import { fieldPath, fieldSchema } from "./walk.ts";

type Context = { readonly causes: Cause[]; readonly update: boolean };

/** All that is wrong with the value; empty when it is fine. `before` is the value it replaces. */
export function validate(
  value: unknown,
  schema: Schema,
  options: { path?: string; before?: unknown } = {},
): readonly Cause[] {
  const context: Context = { causes: [], update: options.before !== undefined };
  visit(value, deref(schema), { path: options.path ?? "", before: options.before }, context);
  return context.causes;
}

type Place = { readonly path: string; readonly before: unknown };

function visit(value: unknown, node: Schema, place: Place, context: Context): void {
  const unchanged = context.update && place.before !== undefined && sameJson(value, place.before);
  if (!unchanged && !checkType(value, node, place.path, context)) return;
  if (!unchanged) checkOwn(value, node, place.path, context);
  if (value === null) return;
  const wrong = context.causes.length;
  if (Array.isArray(value)) visitItems(value, node, place, context);
  else if (isFields(value)) visitFields(value, node, place, context);
  const rules = node["x-kubernetes-validations"];
  // A rule may rely on the schema below it, so it does not run on a value that breaks that schema.
  if (rules && context.causes.length === wrong) {
    context.causes.push(...checkRules({ value, before: place.before, node, path: place.path, unchanged }));
  }
}

function checkType(value: unknown, node: Schema, path: string, context: Context): boolean {
  if (value === null) {
    if (node.nullable || node.type === undefined) return true;
    context.causes.push(wrongType(path, value, node.type));
    return false;
  }
  if (node["x-kubernetes-int-or-string"]) {
    if (typeof value === "string" || Number.isInteger(value)) return true;
    context.causes.push(wrongType(path, value, "integer,string"));
    return false;
  }
  if (node.type === undefined) return true;
  const actual = typeNameOf(value);
  if (actual === node.type || (node.type === "number" && actual === "integer")) return true;
  context.causes.push(wrongType(path, value, node.type));
  return false;
}

function checkOwn(value: unknown, node: Schema, path: string, context: Context): void {
  context.causes.push(...checkEnum(value, node, path));
  if (typeof value === "string") context.causes.push(...checkString(value, node, path));
  else if (typeof value === "number") context.causes.push(...checkNumber(value, node, path));
  else if (Array.isArray(value))
    context.causes.push(...checkArray(value, node, path), ...checkListType(value, node, path));
  else if (isFields(value)) context.causes.push(...checkMap(value, node, path));
}

function visitItems(value: readonly unknown[], node: Schema, place: Place, context: Context): void {
  if (!node.items) return;
  const items = deref(node.items);
  const old = Array.isArray(place.before) ? place.before : [];
  const oldByIdentity = new Map(old.map((item) => [identify(item, node), item]));
  value.forEach((item, index) => {
    const identity = identify(item, node);
    // Items of an atomic list have no identity, hence no old value.
    const before = identity === undefined ? undefined : oldByIdentity.get(identity);
    visit(item, items, { path: `${place.path}[${index}]`, before }, context);
  });
}

function visitFields(value: { readonly [key: string]: unknown }, node: Schema, place: Place, context: Context): void {
  const before = isFields(place.before) ? place.before : {};
  for (const field of node.required ?? []) {
    if (value[field] === undefined) context.causes.push(required(fieldPath(place.path, field)));
  }
  for (const [field, inner] of Object.entries(value)) {
    const known = fieldSchema(node, field);
    if (!known || inner === undefined) continue;
    visit(inner, known, { path: fieldPath(place.path, field), before: before[field] }, context);
  }
}
