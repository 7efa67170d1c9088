/** The bounds of a schema node itself, each as Kubernetes words it. */
import type { Fields } from "../object.ts";
import { sameJson } from "../object.ts";
import type { Schema } from "../resources/kind.ts";
import type { Cause } from "../status.ts";
import { invalidValue, notSupported, tooLong, tooMany, wrongType } from "./causes.ts";
import { hasFormat } from "./formats.ts";

const patterns = new Map<string, RegExp>();

function compiled(pattern: string): RegExp {
  let found = patterns.get(pattern);
  if (!found) {
    found = new RegExp(pattern, "u");
    patterns.set(pattern, found);
  }
  return found;
}

export function checkEnum(value: unknown, node: Schema, path: string): readonly Cause[] {
  if (!node.enum || node.enum.some((allowed) => sameJson(allowed, value))) return [];
  return [notSupported(path, value, node.enum)];
}

export function checkString(value: string, node: Schema, path: string): readonly Cause[] {
  const causes: Cause[] = [];
  const length = node.maxLength === undefined && node.minLength === undefined ? 0 : [...value].length;
  if (node.maxLength !== undefined && length > node.maxLength) causes.push(tooLong(path, node.maxLength));
  if (node.minLength !== undefined && length < node.minLength) {
    causes.push(invalidValue(path, value, `${path} in body should be at least ${node.minLength} chars long`));
  }
  if (node.pattern !== undefined && !compiled(node.pattern).test(value)) {
    causes.push(invalidValue(path, value, `${path} in body should match '${node.pattern}'`));
  }
  if (node.format !== undefined && !hasFormat(value, node.format)) causes.push(formatCause(path, value, node.format));
  return causes;
}

function formatCause(path: string, value: string, format: string): Cause {
  const cause = wrongType(path, value, format);
  const shown = JSON.stringify(value);
  return {
    ...cause,
    message: `Invalid value: ${shown}: ${path} in body must be of type ${format}: ${shown}`,
  };
}

const INTEGER_RANGES: Readonly<Record<string, readonly [number, number]>> = {
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2 ** 63), 2 ** 63],
};

export function checkNumber(value: number, node: Schema, path: string): readonly Cause[] {
  const causes: Cause[] = [];
  if (node.maximum !== undefined && value > node.maximum) {
    causes.push(invalidValue(path, value, `${path} in body should be less than or equal to ${node.maximum}`));
  }
  if (node.minimum !== undefined && value < node.minimum) {
    causes.push(invalidValue(path, value, `${path} in body should be greater than or equal to ${node.minimum}`));
  }
  const range = INTEGER_RANGES[node.format ?? ""];
  if (range && (value < range[0] || value > range[1])) {
    causes.push(invalidValue(path, value, `Checked value must be of type integer with format ${node.format}`));
  }
  return causes;
}

export function checkArray(value: readonly unknown[], node: Schema, path: string): readonly Cause[] {
  const causes: Cause[] = [];
  if (node.maxItems !== undefined && value.length > node.maxItems) {
    causes.push(tooMany(path, value.length, node.maxItems));
  }
  if (node.minItems !== undefined && value.length < node.minItems) {
    causes.push(invalidValue(path, value.length, `${path} in body should have at least ${node.minItems} items`));
  }
  return causes;
}

export function checkMap(value: Fields, node: Schema, path: string): readonly Cause[] {
  const count = Object.keys(value).length;
  if (node.maxProperties !== undefined && count > node.maxProperties) return [tooMany(path, count, node.maxProperties)];
  if (node.minProperties !== undefined && count < node.minProperties) {
    return [invalidValue(path, count, `${path} in body should have at least ${node.minProperties} properties`)];
  }
  return [];
}
