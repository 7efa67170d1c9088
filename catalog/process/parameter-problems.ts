/** What is wrong with parameters, in the words of all other refusals: which one, and what was expected. */
import type { ErrorObject } from "ajv/dist/2020.js";

/** `name` is a parameter's, with the place within it; empty: of all of them together. */
export type ParameterProblem = { readonly name: string; readonly message: string };

const MOST = 20;

/** The first for each parameter. `names`: those that the schema speaks of. */
export function parameterProblems(
  errors: readonly ErrorObject[],
  names: readonly string[],
): readonly ParameterProblem[] {
  const byName = new Map<string, ParameterProblem>();
  for (const error of errors) {
    const problem = toProblem(error, names);
    if (!byName.has(problem.name)) byName.set(problem.name, problem);
  }
  return [...byName.values()].slice(0, MOST);
}

function toProblem(error: ErrorObject, names: readonly string[]): ParameterProblem {
  const { keyword, params } = error;
  const at = placeOf(error.instancePath);
  switch (keyword) {
    case "required":
      return { name: below(at, String(params["missingProperty"])), message: "missing" };
    case "additionalProperties":
    case "unevaluatedProperties": {
      const name: unknown = params["additionalProperty"] ?? params["unevaluatedProperty"];
      const known = at === "" && names.length > 0 ? `; expected one of ${names.join(", ")}` : "";
      return { name: below(at, String(name)), message: `unknown parameter${known}` };
    }
    default:
      return { name: at, message: expected(error) };
  }
}

/** `/sizes/0/width` → `sizes[0].width`. */
function placeOf(pointer: string): string {
  const steps = pointer.split("/").slice(1);
  return steps
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"))
    .reduce((place, step) => (/^\d+$/.test(step) && place !== "" ? `${place}[${step}]` : below(place, step)), "");
}

function below(place: string, name: string): string {
  return place === "" ? name : `${place}.${name}`;
}

const KINDS: Readonly<Record<string, string>> = {
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
  string: "text",
  array: "a list as JSON",
  object: "an object as JSON",
  null: "null",
};

const counted = (n: unknown, noun: string) => `${n} ${noun}${n === 1 ? "" : "s"}`;

function expected({ keyword, params, message }: ErrorObject): string {
  switch (keyword) {
    case "type":
      return `expected ${[params["type"]].flat().map(kindOf).join(" or ")}`;
    case "enum":
      return `expected one of ${(params["allowedValues"] as readonly unknown[]).map(shown).join(", ")}`;
    case "const":
      return `expected ${shown(params["allowedValue"])}`;
    case "minimum":
      return `expected at least ${params["limit"]}`;
    case "maximum":
      return `expected at most ${params["limit"]}`;
    case "exclusiveMinimum":
      return `expected more than ${params["limit"]}`;
    case "exclusiveMaximum":
      return `expected less than ${params["limit"]}`;
    case "multipleOf":
      return `expected a multiple of ${params["multipleOf"]}`;
    case "minLength":
      return `expected at least ${counted(params["limit"], "character")}`;
    case "maxLength":
      return `expected at most ${counted(params["limit"], "character")}`;
    case "minItems":
      return `expected at least ${counted(params["limit"], "element")}`;
    case "maxItems":
      return `expected at most ${counted(params["limit"], "element")}`;
    case "uniqueItems":
      return "expected no element twice";
    case "pattern":
      return `expected text that matches '${params["pattern"]}'`;
    case "format":
      return `expected a text of the format '${params["format"]}'`;
    default:
      return (message ?? "not allowed").replace(/^must (NOT )?/, (_, not) =>
        not ? "expected not to " : "expected to ",
      );
  }
}

function kindOf(type: unknown): string {
  return KINDS[String(type)] ?? String(type);
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
