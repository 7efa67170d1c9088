/**
 * Turns a body into an object of its kind: right type, unknown fields pruned (and told of), nulls of built-in kinds dropped.
 * What this refuses is a 400: the object could not be understood at all. Whether it is allowed comes later, as a 422.
 */
import { type Fields, isFields, type KubeObject } from "../object.ts";
import { component, deref } from "../openapi/components.ts";
import { apiVersionOf, type Kind, type Schema } from "../resources/kind.ts";
import { badRequest } from "../status.ts";
import { typeNameOf } from "../validation/causes.ts";
import { prune } from "../validation/prune.ts";
import { fieldPath, fieldSchema } from "../validation/walk.ts";
import type { WriteOptions } from "./write-options.ts";

/** The body as an object of this kind, or a 400. */
export function decode(body: unknown, kind: Kind, options: WriteOptions): KubeObject {
  const object = typed(body, kind);
  const unknown: string[] = [];
  const known = pruneObject(object, kind, unknown);
  const texts = unknown.map((path) => `unknown field "${path}"`);
  if (texts.length > 0 && options.fieldValidation === "Strict") {
    throw cannotHandle(kind, `strict decoding error: ${texts.join(", ")}`);
  }
  if (options.fieldValidation === "Warn") options.warnings.push(...texts);
  return known;
}

function cannotHandle(kind: Kind, why: string): Error {
  return badRequest(
    `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: ${why}`,
  );
}

function typed(body: unknown, kind: Kind): KubeObject {
  if (!isFields(body)) throw cannotHandle(kind, `json: cannot unmarshal ${typeNameOf(body)} into an object`);
  const apiVersion = apiVersionOf(kind);
  if (body["kind"] && body["kind"] !== kind.kind) {
    throw cannotHandle(kind, `the kind in the data (${body["kind"]}) does not match the expected kind (${kind.kind})`);
  }
  if (body["apiVersion"] && body["apiVersion"] !== apiVersion) {
    throw badRequest(
      `the API version in the data (${body["apiVersion"]}) does not match the expected API version (${apiVersion})`,
    );
  }
  const metadata = isFields(body["metadata"]) ? body["metadata"] : {};
  return { ...body, apiVersion, kind: kind.kind, metadata: { ...metadata, name: String(metadata["name"] ?? "") } };
}

/** The object with only the fields that its kind knows; built-in kinds are also checked for the types of their fields. */
export function pruneObject(object: KubeObject, kind: Kind, unknown: string[]): KubeObject {
  const meta = withoutNulls(prune(object.metadata, component(OBJECT_META), "metadata", unknown));
  const problem = typeProblem(meta, component(OBJECT_META), "metadata");
  if (problem !== undefined) throw cannotHandle(kind, problem);
  const { metadata: _, apiVersion, kind: word, ...rest } = object;
  const pruned = prune(rest, kind.schema, "", unknown);
  const content = kind.builtin ? withoutNulls(pruned) : pruned;
  if (kind.builtin) {
    const wrong = typeProblem(content, kind.schema, "");
    if (wrong !== undefined) throw cannotHandle(kind, wrong);
  }
  return { apiVersion, kind: word, metadata: toMetadata(meta), ...(isFields(content) ? content : {}) };
}

const OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

function toMetadata(value: unknown): KubeObject["metadata"] {
  const fields = isFields(value) ? value : {};
  return { ...fields, name: String(fields["name"] ?? "") };
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isFields(value)) return value;
  const kept = Object.entries(value).filter(([, inner]) => inner !== null && inner !== undefined);
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutNulls(inner)]));
}

/** The first field whose JSON type is not the schema's, as Go's decoder words it. */
function typeProblem(value: unknown, schema: Schema, path: string): string | undefined {
  const node = deref(schema);
  const actual = typeNameOf(value);
  const fits = actual === node.type || (node.type === "number" && actual === "integer");
  if (node.type !== undefined && value !== undefined && !fits) {
    return `json: cannot unmarshal ${actual === "integer" ? "number" : actual} into Go struct field ${path} of type ${node.format ?? node.type}`;
  }
  if (Array.isArray(value)) {
    const items = node.items;
    return items && first(value, (item) => typeProblem(item, items, path));
  }
  return isFields(value) ? fieldProblem(value, node, path) : undefined;
}

function fieldProblem(value: Fields, node: Schema, path: string): string | undefined {
  return first(Object.entries(value), ([field, inner]) => {
    const known = fieldSchema(node, field);
    return known && typeProblem(inner, known, fieldPath(path, field));
  });
}

function first<T>(items: readonly T[], look: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = look(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
