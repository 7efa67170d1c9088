/**
 * Strategic merge patch: merge patch, but lists of the built-in kinds merge by their key (containers by name, conditions by type) and
 * lists of scalars with a merge strategy are united. Directives: `$patch: delete|replace|merge`, `$retainKeys`, `$setElementOrder/x`, `$deleteFromPrimitiveList/x`.
 */
import { type Fields, isFields, listOf, sameJson } from "../object.ts";
import { deref } from "../openapi/components.ts";
import type { Schema } from "../resources/kind.ts";
import { badRequest } from "../status.ts";
import { fieldSchema } from "../validation/walk.ts";

const ORDER = "$setElementOrder/";
const DELETE = "$deleteFromPrimitiveList/";

export function strategicPatch(target: unknown, patch: unknown, schema: Schema): unknown {
  if (!isFields(patch)) return patch;
  const node = deref(schema);
  switch (patch["$patch"]) {
    case "replace":
      return plain(patch);
    case "delete":
      return {};
    default:
      return mergeFields(isFields(target) ? target : {}, patch, node);
  }
}

function plain(patch: Fields): Fields {
  return Object.fromEntries(Object.entries(patch).filter(([field]) => !field.startsWith("$")));
}

function mergeFields(target: Fields, patch: Fields, node: Schema): Fields {
  const kept = patch["$retainKeys"];
  const result: Record<string, unknown> = Array.isArray(kept)
    ? Object.fromEntries(Object.entries(target).filter(([field]) => kept.includes(field)))
    : { ...target };
  for (const [field, value] of Object.entries(patch)) {
    if (field.startsWith(DELETE)) takeOut(result, field.slice(DELETE.length), listOf(value));
    if (field.startsWith("$")) continue;
    if (value === null) delete result[field];
    else result[field] = mergeValue(result[field], value, fieldSchema(node, field) ?? {});
  }
  putInOrder(result, patch, node);
  return result;
}

function takeOut(result: Record<string, unknown>, name: string, gone: readonly unknown[]): void {
  result[name] = listOf(result[name]).filter((item) => !gone.some((other) => sameJson(item, other)));
}

function putInOrder(result: Record<string, unknown>, patch: Fields, node: Schema): void {
  for (const [field, order] of Object.entries(patch)) {
    if (!field.startsWith(ORDER)) continue;
    const name = field.slice(ORDER.length);
    if (result[name] === undefined) continue;
    result[name] = ordered(listOf(result[name]), listOf(order), fieldSchema(node, name) ?? {});
  }
}

function mergesList(node: Schema): boolean {
  return node["x-kubernetes-patch-strategy"]?.split(",").includes("merge") ?? false;
}

function mergeValue(target: unknown, patch: unknown, node: Schema): unknown {
  if (!Array.isArray(patch)) return strategicPatch(target, patch, node);
  if (!mergesList(node)) return patch.map((item) => (isFields(item) ? plain(item) : item));
  const key = node["x-kubernetes-patch-merge-key"];
  const list = listOf(target);
  if (key === undefined) return [...list, ...patch.filter((item) => !list.some((other) => sameJson(item, other)))];
  return mergeByKey(list, patch, { key, items: node.items ?? {} });
}

function mergeByKey(
  list: readonly unknown[],
  patch: readonly unknown[],
  o: { key: string; items: Schema },
): readonly unknown[] {
  const replaceAll = patch.some((item) => isFields(item) && item["$patch"] === "replace" && item[o.key] === undefined);
  let result: readonly unknown[] = replaceAll ? [] : list;
  for (const item of patch) {
    if (!isFields(item)) throw badRequest("strategic merge patch: elements of a keyed list must be objects");
    if (item["$patch"] === "replace" && item[o.key] === undefined) continue;
    const key = item[o.key];
    if (key === undefined)
      throw badRequest(`map: ${JSON.stringify(item)} does not contain declared merge key: ${o.key}`);
    const place = result.findIndex((other) => isFields(other) && other[o.key] === key);
    if (item["$patch"] === "delete") result = result.filter((_, index) => index !== place);
    else if (place === -1) result = [...result, strategicPatch({}, plain(item), o.items)];
    else result = result.with(place, strategicPatch(result[place], item, o.items));
  }
  return result;
}

/** Elements that the patch names in its order; the others keep their places relative to what stood before them. */
function ordered(list: readonly unknown[], order: readonly unknown[], node: Schema): readonly unknown[] {
  const key = node["x-kubernetes-patch-merge-key"];
  const identity = (item: unknown) => JSON.stringify(key !== undefined && isFields(item) ? item[key] : item);
  const wanted = new Map(order.map((item, index) => [identity(item), index]));
  const named = list.filter((item) => wanted.has(identity(item)));
  named.sort((a, b) => (wanted.get(identity(a)) ?? 0) - (wanted.get(identity(b)) ?? 0));
  let next = 0;
  return list.map((item) => (wanted.has(identity(item)) ? named[next++] : item));
}
