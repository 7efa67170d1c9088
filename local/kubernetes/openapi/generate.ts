/**
 * Makes builtin-schemas.jsonl: the schemas of the built-in kinds served here, cut out of the OpenAPI documents that Kubernetes publishes
 * (`api/openapi-spec/v3` of a Kubernetes source tree, Apache-2.0). Run by hand when a newer Kubernetes is to be followed:
 *   bun local/kubernetes/openapi/generate.ts <folder of the documents>
 */
import { join } from "node:path";

const ROOTS: Readonly<Record<string, readonly string[]>> = {
  "api__v1_openapi.json": ["Namespace", "Pod", "Event", "ConfigMap", "Secret", "ServiceAccount"].map(
    (k) => `io.k8s.api.core.v1.${k}`,
  ),
  "apis__batch__v1_openapi.json": ["io.k8s.api.batch.v1.Job"],
  "apis__events.k8s.io__v1_openapi.json": ["io.k8s.api.events.v1.Event"],
  "apis__coordination.k8s.io__v1_openapi.json": ["io.k8s.api.coordination.v1.Lease"],
  "apis__apiextensions.k8s.io__v1_openapi.json": [
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
  ],
  "apis__authorization.k8s.io__v1_openapi.json": [
    "io.k8s.api.authorization.v1.SelfSubjectAccessReview",
    "io.k8s.api.authorization.v1.SelfSubjectRulesReview",
  ],
  "apis__authentication.k8s.io__v1_openapi.json": ["io.k8s.api.authentication.v1.SelfSubjectReview"],
};

type Schemas = Record<string, unknown>;

function referenced(value: unknown, found: Set<string>): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === "$ref" && typeof inner === "string") found.add(inner.slice(inner.lastIndexOf("/") + 1));
    else referenced(inner, found);
  }
}

function cut(source: Schemas, name: string, into: Schemas): void {
  if (name in into) return;
  into[name] = source[name];
  const names = new Set<string>();
  referenced(source[name], names);
  for (const inner of names) cut(source, inner, into);
}

const folder = process.argv[2];
if (folder === undefined) throw new Error("Cannot generate: name the folder of the OpenAPI documents");
const all: Schemas = {};
for (const [file, roots] of Object.entries(ROOTS)) {
  const document: { components: { schemas: Schemas } } = await Bun.file(join(folder, file)).json();
  for (const root of roots) cut(document.components.schemas, root, all);
}
const lines = Object.keys(all)
  .sort()
  .map((name) => JSON.stringify([name, all[name]]));
await Bun.write(join(import.meta.dir, "builtin-schemas.jsonl"), `${lines.join("\n")}\n`);
