/**
 * Changes an object: replace and every kind of patch come through here, each as a function from the old object to the new one.
 * It runs while nobody else writes the object, so a patch never loses against a rival; a replace with an old resourceVersion does.
 */
import { trackUpdate } from "../apply/managed-fields.ts";
import { type Kube, storeKey, type Target } from "../kube.ts";
import { type KubeObject, type Metadata, sameJson } from "../object.ts";
import type { WriteOptions } from "../request/write-options.ts";
import type { Kind } from "../resources/kind.ts";
import { conflict, invalid, notFound } from "../status.ts";
import { validateMetadata, validateMetadataUpdate } from "../validation/metadata.ts";
import { validateContent, withSchemaDefaults } from "./create.ts";

export type Changed = {
  readonly object: KubeObject;
  /** Set by server-side apply, which knows its owners itself; otherwise they follow from the difference. */
  readonly managedFields?: Metadata["managedFields"];
};

export async function updateObject(
  kube: Kube,
  target: Target,
  change: (before: KubeObject) => Changed,
  options: WriteOptions,
): Promise<KubeObject> {
  const { kind } = target;
  const key = storeKey(target);
  return kube.store.exclusive(key, async () => {
    const stored = kube.store.collection(key.resource).get(key.namespace, key.name);
    if (!stored) throw notFound(kind, target.name);
    const before = kind.strategy.convert?.fromStored(stored) ?? stored;
    const after = decide(kube, { target, before, changed: change(before), options });
    if (options.dryRun || unchanged(after, before)) return options.dryRun ? after : before;
    const next = kind.strategy.convert?.toStored(after) ?? after;
    const written = await kube.store.commit(key, isOver(after) ? undefined : next);
    return written ? (kind.strategy.convert?.fromStored(written) ?? written) : after;
  });
}

/** The new object, complete and checked. */
function decide(
  kube: Kube,
  o: { target: Target; before: KubeObject; changed: Changed; options: WriteOptions },
): KubeObject {
  const { before, target } = o;
  const { kind, subresource } = target;
  checkPreconditions(o.changed.object, before, target);
  const kept =
    subresource === "status"
      ? statusOnly(o.changed.object, before, kind)
      : allButStatus(o.changed.object, before, kind);
  const defaulted = kind.builtin ? kept : withSchemaDefaults(kept, kind);
  const prepared = subresource === "" ? (kind.strategy.prepareUpdate?.(defaulted, before) ?? defaulted) : defaulted;
  const counted = withGeneration(prepared, before, kind);
  const causes = [
    ...validateMetadata(counted, kind),
    ...validateMetadataUpdate(counted, before),
    ...(subresource === "status" && kind.builtin ? [] : validateContent(counted, kind, before)),
  ];
  if (causes.length > 0) throw invalid(kind, target.name, causes);
  if (o.changed.managedFields) {
    return { ...counted, metadata: withManagers(counted.metadata, o.changed.managedFields) };
  }
  return trackUpdate(before, counted, { kind, manager: o.options.fieldManager, subresource, now: kube.now() });
}

function withManagers(metadata: Metadata, managedFields: Metadata["managedFields"]): Metadata {
  const { managedFields: _, ...rest } = metadata;
  return managedFields && managedFields.length > 0 ? { ...rest, managedFields } : rest;
}

function checkPreconditions(after: KubeObject, before: KubeObject, { kind, name }: Target): void {
  const { uid, resourceVersion } = after.metadata;
  if (uid && uid !== before.metadata.uid) {
    const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid}`;
    throw conflict(kind, name, why);
  }
  if (resourceVersion && resourceVersion !== "0" && resourceVersion !== before.metadata.resourceVersion) {
    throw conflict(kind, name);
  }
  if (!resourceVersion && !kind.builtin) {
    throw invalid(kind, name, [
      {
        reason: "FieldValueInvalid",
        message: "Invalid value: 0: must be specified for an update",
        field: "metadata.resourceVersion",
      },
    ]);
  }
}

/** A write to the status: whatever else the writer sent stays as it was. Built-in kinds also take labels and annotations. */
function statusOnly(after: KubeObject, before: KubeObject, kind: Kind): KubeObject {
  const { status: _, ...rest } = before;
  const metadata = kind.builtin ? protectedMetadata(after.metadata, before.metadata) : before.metadata;
  return {
    ...rest,
    apiVersion: before.apiVersion,
    kind: before.kind,
    metadata,
    ...(after["status"] !== undefined && { status: after["status"] }),
  };
}

function allButStatus(after: KubeObject, before: KubeObject, kind: Kind): KubeObject {
  const metadata = protectedMetadata(after.metadata, before.metadata);
  if (!kind.statusSubresource) return { ...after, metadata };
  const { status: _, ...rest } = after;
  return {
    ...rest,
    apiVersion: before.apiVersion,
    kind: before.kind,
    metadata,
    ...(before["status"] !== undefined && { status: before["status"] }),
  };
}

/** The parts of metadata that are the server's own stay as they are. */
function protectedMetadata(after: Metadata, before: Metadata): Metadata {
  const { labels, annotations, finalizers, ownerReferences } = after;
  const { labels: _l, annotations: _a, finalizers: _f, ownerReferences: _o, ...own } = before;
  return {
    ...own,
    ...(labels && Object.keys(labels).length > 0 && { labels }),
    ...(annotations && Object.keys(annotations).length > 0 && { annotations }),
    ...(finalizers && finalizers.length > 0 && { finalizers }),
    ...(ownerReferences && ownerReferences.length > 0 && { ownerReferences }),
  };
}

/** The generation counts changes of what is wanted: everything but metadata and status. */
function withGeneration(after: KubeObject, before: KubeObject, kind: Kind): KubeObject {
  if (!kind.generation) return after;
  const wish = (object: KubeObject) => ({ ...object, metadata: undefined, status: undefined });
  if (sameJson(wish(after), wish(before))) return after;
  return { ...after, metadata: { ...after.metadata, generation: (before.metadata.generation ?? 0) + 1 } };
}

function unchanged(after: KubeObject, before: KubeObject): boolean {
  return sameJson(after, before);
}

/** Marked for deletion and nothing holds it any more. */
function isOver(object: KubeObject): boolean {
  const { deletionTimestamp, finalizers, deletionGracePeriodSeconds } = object.metadata;
  const held = (finalizers?.length ?? 0) > 0 || (deletionGracePeriodSeconds ?? 0) > 0;
  const isNamespace = object.kind === "Namespace" && object.apiVersion === "v1";
  return deletionTimestamp !== undefined && !held && !isNamespace;
}
