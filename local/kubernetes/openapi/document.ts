/**
 * The OpenAPI v3 document of a group and version. kubectl reads three things from it: schemas by kind (`explain`, types of lists for patches),
 * the paths that lead to them, and that PATCH takes `fieldValidation`, which tells it that the server checks what it is sent.
 */
import type { Fields } from "../object.ts";
import { isFields } from "../object.ts";
import { apiVersionOf, type Kind, type Schema } from "../resources/kind.ts";
import { component, referenceName } from "./components.ts";

const OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/** `io.regards.order.v1alpha1.Order` for ours; the published names for the built-in kinds. */
export function schemaName(kind: Kind): string {
  if (kind.builtin) {
    const own = kind.schema["x-kubernetes-group-version-kind"]?.[0];
    return own ? builtinName(kind) : kind.kind;
  }
  return `${kind.group.split(".").reverse().join(".")}.${kind.version}.${kind.kind}`;
}

function builtinName({ group, version, kind }: Kind): string {
  if (group === "apiextensions.k8s.io")
    return `io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.${version}.${kind}`;
  return `io.k8s.api.${group === "" ? "core" : group.split(".")[0]}.${version}.${kind}`;
}

/** The schema of a kind as the document shows it: custom ones get the fields that every object has. */
function publishedSchema(kind: Kind): Schema {
  if (kind.builtin) return kind.schema;
  return {
    ...kind.schema,
    properties: {
      apiVersion: { type: "string", description: "Version of the schema of this representation of an object." },
      kind: { type: "string", description: "Type of the object." },
      metadata: {
        allOf: [{ $ref: `#/components/schemas/${OBJECT_META}` }],
        description: "Standard object's metadata.",
        default: {},
      },
      ...kind.schema.properties,
    },
    "x-kubernetes-group-version-kind": [{ group: kind.group, version: kind.version, kind: kind.kind }],
  };
}

function collect(value: unknown, into: Map<string, Schema>): void {
  if (Array.isArray(value)) for (const item of value) collect(item, into);
  if (!isFields(value)) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key !== "$ref" || typeof inner !== "string") collect(inner, into);
    else add(referenceName(inner), into);
  }
}

function add(name: string, into: Map<string, Schema>): void {
  if (into.has(name)) return;
  const schema = component(name);
  into.set(name, schema);
  collect(schema, into);
}

function parameter(name: string, type: string): Fields {
  return { name, in: "query", schema: { type, uniqueItems: true } };
}

const WRITE = [
  parameter("dryRun", "string"),
  parameter("fieldManager", "string"),
  parameter("fieldValidation", "string"),
];
const LIST = ["labelSelector", "fieldSelector", "continue", "resourceVersion"].map((name) => parameter(name, "string"));
const PATCHES = ["apply-patch+yaml", "json-patch+json", "merge-patch+json", "strategic-merge-patch+json"];

function operation(kind: Kind, action: string, parameters: readonly Fields[]): Fields {
  const { group, version } = kind;
  const schema = { $ref: `#/components/schemas/${schemaName(kind)}` };
  return {
    operationId: `${action}${kind.kind}`,
    parameters,
    responses: { 200: { description: "OK", content: { "application/json": { schema } } } },
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": { group, version, kind: kind.kind },
  };
}

function patchOperation(kind: Kind): Fields {
  const types = kind.builtin ? PATCHES : PATCHES.filter((type) => !type.startsWith("strategic"));
  const content = Object.fromEntries(types.map((type) => [`application/${type}`, { schema: {} }]));
  return {
    ...operation(kind, "patch", [...WRITE, parameter("force", "boolean")]),
    requestBody: { content, required: true },
  };
}

function pathsOf(kind: Kind): readonly [string, Fields][] {
  const root = kind.group === "" ? "/api/v1" : `/apis/${apiVersionOf(kind)}`;
  const collection = `${root}/${kind.namespaced ? "namespaces/{namespace}/" : ""}${kind.plural}`;
  const one = {
    get: operation(kind, "get", []),
    put: operation(kind, "put", WRITE),
    patch: patchOperation(kind),
  };
  return [
    ...(kind.namespaced
      ? [[`${root}/${kind.plural}`, { get: operation(kind, "list", LIST) }] as [string, Fields]]
      : []),
    [
      collection,
      {
        get: operation(kind, "list", LIST),
        post: operation(kind, "post", WRITE),
        delete: operation(kind, "deletecollection", LIST),
      },
    ],
    [`${collection}/{name}`, { ...one, delete: operation(kind, "delete", [parameter("dryRun", "string")]) }],
    ...(kind.statusSubresource ? [[`${collection}/{name}/status`, one] as [string, Fields]] : []),
  ];
}

export function openApiDocument(kinds: readonly Kind[]): Fields {
  const schemas = new Map<string, Schema>();
  for (const kind of kinds) {
    const schema = publishedSchema(kind);
    schemas.set(schemaName(kind), schema);
    collect(schema, schemas);
  }
  return {
    openapi: "3.0.0",
    info: { title: "Kubernetes", version: "v1.34.0" },
    paths: Object.fromEntries(kinds.flatMap(pathsOf)),
    components: { schemas: Object.fromEntries(schemas) },
  };
}
