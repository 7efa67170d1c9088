/** The part of kubectl's JSONPath that printer columns use: fields, quoted fields, indices, `[*]` and `[?(@.type=="X")]`. */
import { at, isFields } from "../object.ts";

type Step =
  | { readonly kind: "field"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "all" }
  | { readonly kind: "filter"; readonly path: readonly string[]; readonly equal: boolean; readonly value: string };

export type JsonPath = readonly Step[];

const TOKEN =
  /\.([A-Za-z0-9_$-]+(?:\\\.[A-Za-z0-9_$-]+)*)|\[['"]([^'"]+)['"]\]|\[(-?\d+)\]|\[\*\]|\[\?\(@((?:\.[A-Za-z0-9_-]+)+)\s*(==|!=)\s*['"]([^'"]*)['"]\)\]/y;

export function parseJsonPath(text: string): JsonPath {
  const path = text.replace(/^\{(.*)\}$/, "$1").replace(/^\$/, "");
  const steps: Step[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < path.length) {
    const place = TOKEN.lastIndex;
    const match = TOKEN.exec(path);
    if (!match) throw new Error(`Cannot parse JSON path '${text}': not understood at column ${place + 1}`);
    steps.push(stepOf(match));
  }
  return steps;
}

function stepOf(match: RegExpExecArray): Step {
  const [, field, quoted, index, filterPath, operator, value] = match;
  const name = field ?? quoted;
  if (name !== undefined) return { kind: "field", name: name.replaceAll("\\.", ".") };
  if (index !== undefined) return { kind: "index", index: Number(index) };
  if (filterPath === undefined) return { kind: "all" };
  return { kind: "filter", path: filterPath.slice(1).split("."), equal: operator === "==", value: value ?? "" };
}

function take(value: unknown, step: Step): readonly unknown[] {
  switch (step.kind) {
    case "field":
      return isFields(value) && value[step.name] !== undefined ? [value[step.name]] : [];
    case "index": {
      const found = Array.isArray(value) ? value.at(step.index) : undefined;
      return found === undefined ? [] : [found];
    }
    case "all":
      return Array.isArray(value) ? value : Object.values(isFields(value) ? value : {});
    case "filter":
      return Array.isArray(value) ? value.filter((item) => (at(item, ...step.path) === step.value) === step.equal) : [];
    default:
      throw new Error(step satisfies never);
  }
}

/** All values at the path. */
export function findPath(value: unknown, path: JsonPath): readonly unknown[] {
  return path.reduce((values: readonly unknown[], step) => values.flatMap((inner) => take(inner, step)), [value]);
}
