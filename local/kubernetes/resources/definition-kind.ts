/** CustomResourceDefinitions themselves: what the server fills in, and what it refuses to serve. */
import { at, type Fields, fieldsOf, isFields, type KubeObject, kubeTime, listOf } from "../object.ts";
import type { Cause } from "../status.ts";
import { invalidValue, required } from "../validation/causes.ts";
import { ruleProblem } from "../validation/cel.ts";
import { builtinKind, NAME_COLUMN } from "./define.ts";
import type { Schema } from "./kind.ts";

/** Holds a definition back until its objects are gone. */
export const CLEANUP = "customresourcecleanup.apiextensions.k8s.io";

function acceptedNames(spec: Fields): Fields {
  const names = fieldsOf(spec["names"]);
  const kind = String(names["kind"] ?? "");
  return { listKind: `${kind}List`, singular: kind.toLowerCase(), ...names };
}

function storedVersions(spec: Fields): readonly unknown[] {
  return listOf(spec["versions"])
    .filter((version) => at(version, "storage") === true)
    .map((version) => at(version, "name"));
}

function established(now: Date): readonly Fields[] {
  const lastTransitionTime = kubeTime(now);
  return [
    { type: "NamesAccepted", status: "True", lastTransitionTime, reason: "NoConflicts", message: "no conflicts found" },
    {
      type: "Established",
      status: "True",
      lastTransitionTime,
      reason: "InitialNamesAccepted",
      message: "the initial names have been accepted",
    },
  ];
}

function prepareCreate(definition: KubeObject, now: Date): KubeObject {
  const spec = fieldsOf(definition["spec"]);
  const names = acceptedNames(spec);
  return {
    ...definition,
    metadata: { ...definition.metadata, finalizers: [...(definition.metadata.finalizers ?? []), CLEANUP] },
    spec: { conversion: { strategy: "None" }, ...spec, names },
    status: { conditions: established(now), acceptedNames: names, storedVersions: storedVersions(spec) },
  };
}

/** A writer who sends no finalizers at all does not mean to take this one away. */
function keptCleanup({ metadata }: KubeObject, before: KubeObject): { finalizers?: readonly string[] } {
  const held = before.metadata.finalizers?.includes(CLEANUP) && before.metadata.deletionTimestamp === undefined;
  if (!held || metadata.finalizers?.includes(CLEANUP)) return {};
  return { finalizers: [...(metadata.finalizers ?? []), CLEANUP] };
}

function prepareUpdate(definition: KubeObject, before: KubeObject): KubeObject {
  const spec = fieldsOf(definition["spec"]);
  const names = acceptedNames(spec);
  const status = fieldsOf(before["status"]);
  return {
    ...definition,
    metadata: { ...definition.metadata, ...keptCleanup(definition, before) },
    spec: { conversion: { strategy: "None" }, ...spec, names },
    status: { ...status, acceptedNames: names, storedVersions: storedVersions(spec) },
  };
}

function validate(definition: KubeObject): readonly Cause[] {
  const spec = fieldsOf(definition["spec"]);
  const expected = `${at(spec, "names", "plural")}.${spec["group"]}`;
  const causes: Cause[] = [];
  if (definition.metadata.name !== expected) {
    causes.push(invalidValue("metadata.name", definition.metadata.name, `must be spec.names.plural+"."+spec.group`));
  }
  for (const field of ["group", "scope"]) if (!spec[field]) causes.push(required(`spec.${field}`));
  for (const field of ["plural", "kind"]) if (!at(spec, "names", field)) causes.push(required(`spec.names.${field}`));
  const versions = listOf(spec["versions"]);
  if (storedVersions(spec).length !== 1) {
    causes.push(invalidValue("spec.versions", versions, "must have exactly one version marked as storage version"));
  }
  versions.forEach((version, index) => {
    const path = `spec.versions[${index}].schema.openAPIV3Schema`;
    const schema = at(version, "schema", "openAPIV3Schema");
    if (!isFields(schema)) causes.push(required(path, "schemas are required"));
    else causes.push(...schemaCauses(schema, path));
  });
  return causes;
}

/** Nodes without a type, and rules that do not compile: what would make the schema useless. */
function schemaCauses(node: Schema, path: string): readonly Cause[] {
  const causes: Cause[] = [];
  const free = node["x-kubernetes-int-or-string"] || node["x-kubernetes-preserve-unknown-fields"];
  if (node.type === undefined && !free)
    causes.push(required(`${path}.type`, "must not be empty for specified object fields"));
  for (const [index, rule] of (node["x-kubernetes-validations"] ?? []).entries()) {
    const problem = ruleProblem(rule.rule);
    if (problem !== undefined) {
      causes.push(
        invalidValue(`${path}.x-kubernetes-validations[${index}].rule`, rule.rule, `compilation failed: ${problem}`),
      );
    }
  }
  for (const [name, inner] of Object.entries(node.properties ?? {})) {
    causes.push(...schemaCauses(inner, `${path}.properties[${name}]`));
  }
  if (node.items) causes.push(...schemaCauses(node.items, `${path}.items`));
  if (typeof node.additionalProperties === "object") {
    causes.push(...schemaCauses(node.additionalProperties, `${path}.additionalProperties`));
  }
  return causes;
}

export const DEFINITIONS = builtinKind({
  group: "apiextensions.k8s.io",
  version: "v1",
  plural: "customresourcedefinitions",
  kind: "CustomResourceDefinition",
  component: "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition",
  namespaced: false,
  shortNames: ["crd", "crds"],
  categories: ["api-extensions"],
  statusSubresource: true,
  generation: true,
  columns: [NAME_COLUMN, { name: "Created At", type: "date", description: "When it was made." }],
  row: (object) => [object.metadata.name, object.metadata.creationTimestamp ?? ""],
  strategy: { prepareCreate, prepareUpdate, validate },
});
