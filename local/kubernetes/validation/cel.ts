/**
 * Runs `x-kubernetes-validations`. Rules are compiled once, with the types of the schema node, so integers compare as CEL integers.
 * A rule that mentions `oldSelf` is a transition rule: it runs only when there is an old value to compare with.
 */
import { Environment } from "@marcbachmann/cel-js";
import { isFields } from "../object.ts";
import { deref } from "../openapi/components.ts";
import type { CelRule, Schema } from "../resources/kind.ts";
import type { Cause } from "../status.ts";
import { fieldSchema } from "./walk.ts";

type Program = { readonly transition: boolean; run(self: unknown, oldSelf: unknown): unknown };

const programs = new Map<string, Program>();
let environment: Environment | undefined;

function program(rule: string): Program {
  const known = programs.get(rule);
  if (known) return known;
  environment ??= new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false })
    .registerVariable("self", "dyn")
    .registerVariable("oldSelf", "dyn");
  const parsed = environment.parse(rule);
  const made: Program = {
    transition: /\boldSelf\b/.test(rule),
    run: (self, oldSelf) => parsed({ self, oldSelf }),
  };
  programs.set(rule, made);
  return made;
}

/** A problem of the rule's text; `undefined` when it compiles. */
export function ruleProblem(rule: string): string | undefined {
  try {
    program(rule);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * JSON as CEL values: integers as int (bigint), dates as timestamps, int-or-string as it comes. Maps whose keys users choose become a `Map`:
 * the library tells an object's type by its `constructor`, which may be one of the keys.
 */
export function celValue(value: unknown, schema: Schema): unknown {
  const node = deref(schema);
  if (typeof value === "number") return node.type === "number" ? value : integer(value);
  if (typeof value === "string") return node.format === "date-time" ? new Date(value) : value;
  if (Array.isArray(value)) return value.map((item) => celValue(item, node.items ?? {}));
  if (!isFields(value)) return value;
  const entries = Object.entries(value).map(
    ([key, inner]) => [key, celValue(inner, fieldSchema(node, key) ?? {})] as const,
  );
  const isMap = node.additionalProperties !== undefined || Object.hasOwn(value, "constructor");
  return isMap ? new Map(entries) : Object.fromEntries(entries);
}

function integer(value: number): bigint | number {
  return Number.isInteger(value) ? BigInt(value) : value;
}

export function checkRules(o: {
  value: unknown;
  before: unknown;
  node: Schema;
  path: string;
  unchanged: boolean;
}): readonly Cause[] {
  const rules = o.node["x-kubernetes-validations"] ?? [];
  const self = celValue(o.value, o.node);
  const oldSelf = o.before === undefined ? undefined : celValue(o.before, o.node);
  const causes: Cause[] = [];
  for (const rule of rules) {
    const compiled = program(rule.rule);
    if (compiled.transition ? oldSelf === undefined : o.unchanged) continue;
    const problem = evaluate(compiled, rule, self, oldSelf);
    if (problem !== undefined) causes.push(cause(rule, o.path, o.node, problem));
  }
  return causes;
}

function evaluate(compiled: Program, rule: CelRule, self: unknown, oldSelf: unknown): string | undefined {
  try {
    if (compiled.run(self, oldSelf) === true) return undefined;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return `${rule.message ?? `failed rule: ${rule.rule}`}: ${why}`;
  }
  return messageOf(rule, self, oldSelf);
}

function messageOf(rule: CelRule, self: unknown, oldSelf: unknown): string {
  if (rule.messageExpression !== undefined) {
    try {
      const text = program(rule.messageExpression).run(self, oldSelf);
      if (typeof text === "string" && text.trim() !== "") return text;
    } catch {
      // As documented for messageExpression: when it fails, `message` is used.
    }
  }
  return rule.message ?? `failed rule: ${rule.rule}`;
}

/** The field name of the rule below the node, and the value shown: a real server shows the schema's type, not the value. */
function cause(rule: CelRule, path: string, node: Schema, message: string): Cause {
  const below = (rule.fieldPath ?? "").replace(/^\./, "");
  const field = [path, below].filter((part) => part !== "").join(".") || "<nil>";
  const reason = rule.reason ?? "FieldValueInvalid";
  switch (reason) {
    case "FieldValueRequired":
      return { reason, message: `Required value: ${message}`, field };
    case "FieldValueForbidden":
      return { reason, message: `Forbidden: ${message}`, field };
    default: {
      const kind = reason === "FieldValueDuplicate" ? "Duplicate value" : "Invalid value";
      return { reason, message: `${kind}: ${JSON.stringify(node.type ?? "object")}: ${message}`, field };
    }
  }
}
