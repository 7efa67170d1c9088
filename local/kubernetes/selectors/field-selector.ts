/** Field selectors as text: `metadata.name=x,status.phase!=Running`. Which fields may be named is each kind's own affair. */
import type { KubeObject } from "../object.ts";
import type { Kind } from "../resources/kind.ts";
import { badRequest } from "../status.ts";

export type FieldRequirement = {
  readonly field: string;
  readonly value: string;
  readonly equal: boolean;
  read(object: KubeObject): string;
};

function reader(kind: Kind, field: string): (object: KubeObject) => string {
  if (field === "metadata.name") return (object) => object.metadata.name;
  if (field === "metadata.namespace" && kind.namespaced) return (object) => object.metadata.namespace ?? "";
  const own = kind.selectable[field];
  if (own) return own;
  throw badRequest(`field label not supported: ${field}`);
}

export function parseFieldSelector(text: string, kind: Kind): readonly FieldRequirement[] {
  const clauses = text.split(/(?<!\\),/).filter((clause) => clause.trim() !== "");
  return clauses.map((clause) => {
    const parts = /^(.*?)(==|!=|=)(.*)$/.exec(clause.trim());
    if (!parts) throw badRequest(`invalid selector: '${text}'; can't understand '${clause}'`);
    const [, field = "", operator, raw = ""] = parts;
    const value = raw.replaceAll(/\\([\\,=])/g, "$1");
    return { field, value, equal: operator !== "!=", read: reader(kind, field) };
  });
}

export function matchesFields(requirements: readonly FieldRequirement[], object: KubeObject): boolean {
  return requirements.every((requirement) => (requirement.read(object) === requirement.value) === requirement.equal);
}

/** The only name that can match, when the selector asks for one: lets a list be a look-up. */
export function selectedName(requirements: readonly FieldRequirement[]): string | undefined {
  return requirements.find((requirement) => requirement.field === "metadata.name" && requirement.equal)?.value;
}
