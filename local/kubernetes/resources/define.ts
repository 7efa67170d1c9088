/** Fills in what follows from the rest, so that a kind's definition tells only what is its own. */
import type { KubeObject } from "../object.ts";
import { component } from "../openapi/components.ts";
import { age } from "../table/age.ts";
import { type Column, type Kind, type Row, resourceName } from "./kind.ts";

export const NAME_COLUMN: Column = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name must be unique within a namespace.",
};
export const AGE_COLUMN: Column = {
  name: "Age",
  type: "string",
  description: "CreationTimestamp is a timestamp representing the server time when this object was created.",
};

export function ageCell(object: KubeObject, now: Date): string {
  return age(object.metadata.creationTimestamp, now);
}

const nameAndAge: Row = (object, now) => [object.metadata.name, ageCell(object, now)];

type Definition = Pick<Kind, "group" | "version" | "plural" | "kind"> & { readonly component: string } & Partial<Kind>;

/** A built-in kind; `component` names its published schema. */
export function builtinKind({ component: name, ...definition }: Definition): Kind {
  return {
    singular: definition.kind.toLowerCase(),
    listKind: `${definition.kind}List`,
    shortNames: [],
    categories: [],
    namespaced: true,
    storage: resourceName(definition),
    schema: component(name),
    builtin: true,
    statusSubresource: false,
    generation: false,
    columns: [NAME_COLUMN, AGE_COLUMN],
    row: nameAndAge,
    selectable: {},
    strategy: {},
    ...definition,
  };
}
