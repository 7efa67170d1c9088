/** The rules that hold for the metadata of every object: names, labels, annotations, finalizers. */
import { isFields, type KubeObject, listOf } from "../object.ts";
import type { Kind } from "../resources/kind.ts";
import type { Cause } from "../status.ts";
import { forbiddenField, invalidValue, required } from "./causes.ts";

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_NAME = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

const SUBDOMAIN_WORDS =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const LABEL_WORDS =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const KEY_WORDS =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const VALUE_WORDS =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

const MAX_ANNOTATIONS = 256 * 1024;

export function validateMetadata(object: KubeObject, kind: Kind): readonly Cause[] {
  const { metadata } = object;
  return [
    ...nameCauses(metadata.name, kind),
    ...labelCauses(metadata.labels),
    ...annotationCauses(metadata.annotations),
    ...finalizerCauses(metadata.finalizers, kind),
    ...ownerCauses(metadata.ownerReferences),
  ];
}

function nameCauses(name: string, kind: Kind): readonly Cause[] {
  const field = "metadata.name";
  if (typeof name !== "string" || name === "") return [required(field, "name or generateName is required")];
  if (kind.plural === "namespaces" && kind.group === "") {
    return DNS_LABEL.test(name) && name.length <= 63 ? [] : [invalidValue(field, name, LABEL_WORDS)];
  }
  const causes: Cause[] = [];
  if (name.length > 253) causes.push(invalidValue(field, name, "must be no more than 253 bytes"));
  if (!SUBDOMAIN.test(name)) causes.push(invalidValue(field, name, SUBDOMAIN_WORDS));
  return causes;
}

function keyProblem(key: string): string | undefined {
  const slash = key.lastIndexOf("/");
  const name = key.slice(slash + 1);
  const prefix = slash === -1 ? undefined : key.slice(0, slash);
  if (prefix !== undefined && (!SUBDOMAIN.test(prefix) || prefix.length > 253)) return `prefix part ${SUBDOMAIN_WORDS}`;
  if (name === "") return "name part must be non-empty";
  if (name.length > 63) return "name part must be no more than 63 bytes";
  return LABEL_NAME.test(name) ? undefined : KEY_WORDS;
}

function labelCauses(labels: unknown): readonly Cause[] {
  const causes: Cause[] = [];
  for (const [key, value] of Object.entries(isFields(labels) ? labels : {})) {
    const problem = keyProblem(key);
    if (problem) causes.push(invalidValue("metadata.labels", key, problem));
    const text = String(value);
    if (text.length > 63) causes.push(invalidValue("metadata.labels", text, "must be no more than 63 bytes"));
    else if (text !== "" && !LABEL_NAME.test(text)) causes.push(invalidValue("metadata.labels", text, VALUE_WORDS));
  }
  return causes;
}

function annotationCauses(annotations: unknown): readonly Cause[] {
  const causes: Cause[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(isFields(annotations) ? annotations : {})) {
    const problem = keyProblem(key.toLowerCase());
    if (problem) causes.push(invalidValue("metadata.annotations", key, problem));
    size += key.length + String(value).length;
  }
  if (size > MAX_ANNOTATIONS) {
    causes.push({
      reason: "FieldValueTooLong",
      message: `Too long: may not be more than ${MAX_ANNOTATIONS} bytes`,
      field: "metadata.annotations",
    });
  }
  return causes;
}

const STANDARD_FINALIZERS = ["foregroundDeletion", "orphan", "kubernetes"];

/** Finalizers of built-in kinds are qualified names or standard ones; those of custom resources need only be names. */
function finalizerCauses(finalizers: readonly string[] | undefined, kind: Kind): readonly Cause[] {
  const strict = kind.builtin && kind.group !== "apiextensions.k8s.io";
  const causes: Cause[] = [];
  for (const name of finalizers ?? []) {
    const problem = keyProblem(name);
    if (problem) causes.push(invalidValue("metadata.finalizers", name, problem));
    else if (strict && !name.includes("/") && !STANDARD_FINALIZERS.includes(name)) {
      causes.push(
        invalidValue(
          "metadata.finalizers",
          name,
          "name is neither a standard finalizer name nor is it fully qualified",
        ),
      );
    }
  }
  return causes;
}

function ownerCauses(owners: unknown): readonly Cause[] {
  const causes: Cause[] = [];
  const controllers = listOf(owners).filter((owner) => isFields(owner) && owner["controller"] === true);
  listOf(owners).forEach((owner, index) => {
    for (const field of ["apiVersion", "kind", "name", "uid"]) {
      const value = isFields(owner) ? owner[field] : undefined;
      if (value === undefined || value === "") {
        causes.push(invalidValue(`metadata.ownerReferences[${index}].${field}`, "", "must not be empty"));
      }
    }
  });
  if (controllers.length > 1) {
    causes.push(invalidValue("metadata.ownerReferences", owners, "Only one reference can have Controller set to true"));
  }
  return causes;
}

/** What an update must not do to metadata, given the object it replaces. */
export function validateMetadataUpdate(object: KubeObject, before: KubeObject): readonly Cause[] {
  if (before.metadata.deletionTimestamp === undefined) return [];
  const old = before.metadata.finalizers ?? [];
  const added = (object.metadata.finalizers ?? []).filter((name) => !old.includes(name));
  if (added.length === 0) return [];
  const shown = `[]string{${added.map((name) => JSON.stringify(name)).join(", ")}}`;
  const detail = `no new finalizers can be added if the object is being deleted, found new finalizers ${shown}`;
  return [forbiddenField("metadata.finalizers", detail)];
}
