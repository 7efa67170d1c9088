/**
 * Whether a user's parameters are what a process takes, by the JSON Schema that its administrator wrote (2020-12). A parameter that the schema says
 * nothing of is refused unless it says that others may be: what is misspelled would else be ignored. Patterns are RE2, as everywhere.
 */
import { Ajv2020 } from "ajv/dist/2020.js";
import { isTime } from "#crds/schema.ts";
import { compileRegex } from "../query/re2.ts";
import { type ParameterProblem, parameterProblems } from "./parameter-problems.ts";
import { readValues, type SchemaNode } from "./text-values.ts";

/** As the program gets them: numbers are numbers, defaults are filled in. */
export type Parameters = Readonly<Record<string, unknown>>;
export type CheckedParameters =
  | { readonly kind: "good"; readonly parameters: Parameters }
  | { readonly kind: "bad"; readonly problems: readonly ParameterProblem[] };
type ParameterCheck = (given: Readonly<Record<string, string>>) => CheckedParameters;

/** Why a schema is of no use. */
export class ParameterSchemaError extends Error {
  override readonly name = "ParameterSchemaError";
}

const KEPT = 64;
const compiled = new Map<string, ParameterCheck>();

/** The check that a schema asks for; without one there are no parameters. Throws ParameterSchemaError. */
export function parameterCheck(schema: SchemaNode = { type: "object" }): ParameterCheck {
  const text = JSON.stringify(schema);
  const known = compiled.get(text);
  if (known) return known;
  const check = compile(closed(schema));
  const [oldest] = compiled.keys();
  if (compiled.size >= KEPT && oldest !== undefined) compiled.delete(oldest);
  compiled.set(text, check);
  return check;
}

/** Names of parameters as they are in the schema: unevaluated ones are those that no part of it speaks of. */
function closed(schema: SchemaNode): SchemaNode {
  if (schema["type"] !== undefined && schema["type"] !== "object") {
    throw new ParameterSchemaError(`type: expected 'object', got '${JSON.stringify(schema["type"])}'`);
  }
  const isOpen = "additionalProperties" in schema || "unevaluatedProperties" in schema;
  return { ...schema, type: "object", ...(isOpen ? {} : { unevaluatedProperties: false }) };
}

const FORMATS: Readonly<Record<string, (text: string) => boolean>> = {
  "date-time": isTime,
  date: (text) => isTime(`${text}T00:00:00Z`),
  uuid: (text) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text),
  email: (text) => /^[^\s@]+@[^\s@]+$/.test(text),
  uri: (text) => URL.canParse(text),
};

/** Ajv tells patterns apart by their texts. */
function re2(pattern: string) {
  const regex = compileRegex(pattern);
  return { test: (text: string) => regex.finds(text), toString: () => pattern };
}

let shared: Ajv2020 | undefined;

/** Made when the first process is met: it takes a tenth of a second. */
function ajv(): Ajv2020 {
  shared ??= new Ajv2020({
    strictTypes: false,
    strictTuples: false,
    strictRequired: false,
    allErrors: true,
    useDefaults: true,
    ownProperties: true,
    addUsedSchema: false,
    formats: FORMATS,
    code: { regExp: Object.assign(re2, { code: "re2" }) },
    logger: false,
  });
  return shared;
}

function compile(schema: SchemaNode): ParameterCheck {
  const validate = validator(schema);
  const names = Object.keys((schema["properties"] ?? {}) as object);
  return (given) => {
    const values = Object.fromEntries(readValues(given, schema));
    // Without a prototype, so that a parameter may be called `constructor`.
    const candidate = Object.setPrototypeOf(values, null) as object;
    if (validate(candidate)) return { kind: "good", parameters: { ...candidate } };
    return { kind: "bad", problems: parameterProblems(validate.errors ?? [], names) };
  };
}

function validator(schema: SchemaNode) {
  try {
    const validate = ajv().compile<object>(schema);
    if ("$async" in validate) throw new ParameterSchemaError("expected no '$async'");
    return validate;
  } catch (error) {
    if (error instanceof ParameterSchemaError) throw error;
    throw new ParameterSchemaError(error instanceof Error ? error.message : String(error), { cause: error });
  } finally {
    // It is remembered here; and another schema may have the same `$id`.
    ajv().removeSchema(schema);
  }
}
