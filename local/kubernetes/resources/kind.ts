/**
 * One resource type as the server knows it: its names, its schema, its columns, and the few ways in which it differs from the rule.
 */
import type { KubeObject } from "../object.ts";
import type { Cause } from "../status.ts";

/** A structural schema node: the part of JSON Schema that CustomResourceDefinitions allow, and `$ref` for the built-in kinds. */
export type Schema = {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly nullable?: boolean;
  readonly properties?: { readonly [name: string]: Schema };
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minProperties?: number;
  readonly maxProperties?: number;
  readonly pattern?: string;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-embedded-resource"?: boolean;
  readonly "x-kubernetes-list-type"?: "atomic" | "set" | "map";
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-map-type"?: "atomic" | "granular";
  readonly "x-kubernetes-patch-strategy"?: string;
  readonly "x-kubernetes-patch-merge-key"?: string;
  readonly "x-kubernetes-validations"?: readonly CelRule[];
  readonly "x-kubernetes-group-version-kind"?: readonly GroupVersionKind[];
};

export type CelRule = {
  readonly rule: string;
  readonly message?: string;
  readonly messageExpression?: string;
  readonly reason?: string;
  readonly fieldPath?: string;
};

export type GroupVersionKind = { readonly group: string; readonly version: string; readonly kind: string };

export type Column = {
  readonly name: string;
  readonly type: "string" | "integer" | "number" | "boolean" | "date";
  readonly format?: string;
  readonly description?: string;
  /** 0 is always shown, above it only with `-o wide`. */
  readonly priority?: number;
};

/** A cell per column. */
export type Row = (object: KubeObject, now: Date) => readonly unknown[];

/** Where a kind differs from the general rules. */
export type Strategy = {
  /** Fills in what the server decides when one is made. */
  readonly prepareCreate?: (object: KubeObject, now: Date) => KubeObject;
  /** The same for an update; must keep what the writer may not change. */
  readonly prepareUpdate?: (object: KubeObject, before: KubeObject) => KubeObject;
  readonly validate?: (object: KubeObject, before?: KubeObject) => readonly Cause[];
  /** Seconds between the wish to delete and the end; 0 or absent: at once. */
  readonly graceSeconds?: (object: KubeObject, asked: number | undefined) => number;
  /** Converts between what this API version shows and what is stored, where two versions share a store. */
  readonly convert?: {
    readonly toStored: (object: KubeObject) => KubeObject;
    readonly fromStored: (object: KubeObject) => KubeObject;
  };
};

export type Kind = {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly listKind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  /** Name of its collection in the store. */
  readonly storage: string;
  readonly schema: Schema;
  /** Built-in kinds are decoded into typed structs by a real server, so their schema only prunes and checks types. */
  readonly builtin: boolean;
  readonly statusSubresource: boolean;
  /** Whether `metadata.generation` counts changes of the spec. */
  readonly generation: boolean;
  readonly columns: readonly Column[];
  readonly row: Row;
  /** Fields that a field selector may name, beside metadata.name and metadata.namespace. */
  readonly selectable: Readonly<Record<string, (object: KubeObject) => string>>;
  readonly strategy: Strategy;
};

export function apiVersionOf(kind: { readonly group: string; readonly version: string }): string {
  return kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
}

/** `orders.order.regards.io`, `pods`: the name of the type in messages and in the store. */
export function resourceName(kind: { readonly group: string; readonly plural: string }): string {
  return kind.group === "" ? kind.plural : `${kind.plural}.${kind.group}`;
}
