/**
 * Who wrote what: the `managedFields` of an object. An update makes its writer the owner of what it changed, and takes that from the others;
 * an apply (apply.ts) claims all that the configuration says.
 */
import { type KubeObject, kubeTime, type ManagedFieldsEntry } from "../object.ts";
import { component } from "../openapi/components.ts";
import { apiVersionOf, type Kind, type Schema } from "../resources/kind.ts";
import { difference, type FieldSet, fromFieldsV1, isEmpty, sameSet, toFieldsV1, union } from "./field-set.ts";
import { type Comparison, compare } from "./ownership.ts";

const OBJECT_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

const schemas = new WeakMap<Kind, Schema>();

/** The kind's schema with that of metadata put in: custom resources leave it out. */
export function ownedSchema(kind: Kind): Schema {
  let schema = schemas.get(kind);
  if (!schema) {
    schema = { ...kind.schema, properties: { ...kind.schema.properties, metadata: { $ref: OBJECT_META_REF } } };
    schemas.set(kind, schema);
  }
  return schema;
}
const OBJECT_META_REF = `#/components/schemas/${OBJECT_META}`;
// Read at once, so that a missing schema is an error at start and not at the first write.
component(OBJECT_META);

/** The part of an object that can be owned: the server's own metadata and the type are nobody's. */
export function ownable(object: KubeObject): Record<string, unknown> {
  const { apiVersion: _, kind: __, metadata, ...content } = object;
  const { labels, annotations, finalizers, ownerReferences, generateName } = metadata;
  return {
    ...content,
    metadata: {
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ...(finalizers && { finalizers }),
      ...(ownerReferences && { ownerReferences }),
      ...(generateName && { generateName }),
    },
  };
}

/** One owner while its set is worked on. */
export type Manager = {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly subresource: string;
  readonly time: string | undefined;
  readonly set: FieldSet;
};

export function readManagers(object: KubeObject | undefined): readonly Manager[] {
  return (object?.metadata.managedFields ?? []).map((entry) => ({
    manager: entry.manager,
    operation: entry.operation,
    apiVersion: entry.apiVersion,
    subresource: entry.subresource ?? "",
    time: entry.time,
    set: fromFieldsV1(entry.fieldsV1),
  }));
}

export function writeManagers(managers: readonly Manager[]): readonly ManagedFieldsEntry[] {
  return managers
    .filter((manager) => !isEmpty(manager.set))
    .map(({ manager, operation, apiVersion, subresource, time, set }) => ({
      manager,
      operation,
      apiVersion,
      ...(time !== undefined && { time }),
      fieldsType: "FieldsV1" as const,
      fieldsV1: toFieldsV1(set),
      ...(subresource && { subresource }),
    }));
}

export function isManager(a: Manager, b: Omit<Manager, "set" | "time">): boolean {
  return (
    a.manager === b.manager &&
    a.operation === b.operation &&
    a.apiVersion === b.apiVersion &&
    a.subresource === b.subresource
  );
}

export function compareObjects(before: KubeObject | undefined, after: KubeObject, kind: Kind): Comparison {
  const base = before ? ownable(before) : { metadata: {} };
  return compare(base, ownable(after), ownedSchema(kind));
}

/** The new object with its owners: the writer owns what it changed. */
export function trackUpdate(
  before: KubeObject | undefined,
  after: KubeObject,
  o: { kind: Kind; manager: string; subresource: string; now: Date },
): KubeObject {
  const { changed, removed } = compareObjects(before, after, o.kind);
  if (isEmpty(changed) && isEmpty(removed)) return after;
  const me = {
    manager: o.manager,
    operation: "Update" as const,
    apiVersion: apiVersionOf(o.kind),
    subresource: o.subresource,
  };
  const lost = union(changed, removed);
  const managers = readManagers(before);
  const mine = managers.find((manager) => isManager(manager, me));
  const others = managers
    .filter((manager) => manager !== mine)
    .map((manager) => ({ ...manager, set: difference(manager.set, lost) }));
  const set = union(difference(mine?.set ?? { member: false, children: new Map() }, removed), changed);
  const time = mine && sameSet(mine.set, set) ? mine.time : kubeTime(o.now);
  const managedFields = writeManagers([...others, { ...me, time, set }]);
  return { ...after, metadata: { ...after.metadata, managedFields } };
}
