/** Makes an object: the server's own metadata, defaults, checks, then one write. */

import { trackUpdate } from "../apply/managed-fields.ts";
import type { Kube, Target } from "../kube.ts";
import { storeKey } from "../kube.ts";
import { isFields, type KubeObject, kubeTime, type Metadata } from "../object.ts";
import type { WriteOptions } from "../request/write-options.ts";
import type { Kind } from "../resources/kind.ts";
import { alreadyExists, badRequest, forbidden, invalid, notFound } from "../status.ts";
import { validateMetadata } from "../validation/metadata.ts";
import { withDefaults } from "../validation/prune.ts";
import { validate } from "../validation/structural.ts";

const ALPHABET = "bcdfghjklmnpqrstvwxz2456789";
const SUFFIX_LENGTH = 5;
const MAX_GENERATED_BASE = 63 - SUFFIX_LENGTH;
const NAME_ATTEMPTS = 8;

/** Creates the object; `target.name` is not used, the object's own metadata names it. */
export async function createObject(
  kube: Kube,
  target: Pick<Target, "kind" | "namespace">,
  input: KubeObject,
  options: WriteOptions & { readonly managedFields?: Metadata["managedFields"] },
): Promise<KubeObject> {
  const { kind } = target;
  checkPlace(kube, target, input);
  for (let attempt = 1; ; attempt++) {
    const generated = input.metadata.name === "";
    const object = prepare(kube, target, generated ? withGeneratedName(input) : input, options);
    const key = storeKey({ kind, namespace: target.namespace, name: object.metadata.name });
    const created = await kube.store.exclusive(key, async () => {
      if (kube.store.collection(key.resource).get(key.namespace, key.name)) return undefined;
      const stored = kind.strategy.convert?.toStored(object) ?? object;
      return options.dryRun ? stored : kube.store.commit(key, stored);
    });
    if (created) return kind.strategy.convert?.fromStored(created) ?? created;
    if (!generated || attempt >= NAME_ATTEMPTS) throw alreadyExists(kind, object.metadata.name);
  }
}

function checkPlace(kube: Kube, { kind, namespace }: Pick<Target, "kind" | "namespace">, input: KubeObject): void {
  if (input.metadata.resourceVersion) {
    throw badRequest("resourceVersion should not be set on objects to be created");
  }
  if (!kind.namespaced) return;
  const own = input.metadata.namespace;
  if (own !== undefined && own !== "" && own !== namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  const home = kube.store.collection("namespaces").get("", namespace);
  if (!home) throw notFound({ group: "", plural: "namespaces", kind: "Namespace" }, namespace);
  if (home.metadata.deletionTimestamp === undefined) return;
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  throw forbidden(kind, input.metadata.name, why, [
    {
      reason: "NamespaceTerminating",
      message: `namespace ${namespace} is being terminated`,
      field: "metadata.namespace",
    },
  ]);
}

function withGeneratedName(input: KubeObject): KubeObject {
  const base = input.metadata.generateName?.slice(0, MAX_GENERATED_BASE) ?? "";
  if (base === "") return input;
  const bytes = crypto.getRandomValues(new Uint8Array(SUFFIX_LENGTH));
  const suffix = [...bytes].map((byte) => ALPHABET[byte % ALPHABET.length]).join("");
  return { ...input, metadata: { ...input.metadata, name: `${base}${suffix}` } };
}

/** The object as it would be stored, or a 422. */
function prepare(
  kube: Kube,
  { kind, namespace }: Pick<Target, "kind" | "namespace">,
  input: KubeObject,
  options: WriteOptions & { readonly managedFields?: Metadata["managedFields"] },
): KubeObject {
  const now = kube.now();
  const fresh = withFreshMetadata(withoutStatus(input, kind), { kind, namespace, now });
  const prepared = kind.strategy.prepareCreate?.(fresh, now) ?? fresh;
  const object = kind.builtin ? prepared : withSchemaDefaults(prepared, kind);
  const causes = [...validateMetadata(object, kind), ...validateContent(object, kind)];
  if (causes.length > 0) throw invalid(kind, object.metadata.name, causes);
  if (options.managedFields)
    return { ...object, metadata: { ...object.metadata, managedFields: options.managedFields } };
  return trackUpdate(undefined, object, { kind, manager: options.fieldManager, subresource: "", now });
}

/** The status is the controllers' to write, through its own subresource. */
function withoutStatus(input: KubeObject, kind: Kind): KubeObject {
  if (!kind.statusSubresource) return input;
  const { status: _, apiVersion, kind: word, metadata, ...rest } = input;
  return { apiVersion, kind: word, metadata, ...rest };
}

function withFreshMetadata(input: KubeObject, o: { kind: Kind; namespace: string; now: Date }): KubeObject {
  const { name, generateName, labels, annotations, finalizers, ownerReferences } = input.metadata;
  return {
    ...input,
    metadata: {
      name,
      ...(generateName && { generateName }),
      ...(o.kind.namespaced && { namespace: o.namespace }),
      uid: crypto.randomUUID(),
      creationTimestamp: kubeTime(o.now),
      ...(o.kind.generation && { generation: 1 }),
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      ...(finalizers && finalizers.length > 0 && { finalizers }),
      ...(ownerReferences && ownerReferences.length > 0 && { ownerReferences }),
    },
  };
}

/** Defaults from the schema, for everything but metadata. */
export function withSchemaDefaults(object: KubeObject, kind: Kind): KubeObject {
  const { apiVersion, kind: word, metadata, ...rest } = object;
  const content = withDefaults(rest, kind.schema);
  return { apiVersion, kind: word, metadata, ...(isFields(content) ? content : {}) };
}

/** What is wrong with the content, `before` being what it replaces. */
export function validateContent(object: KubeObject, kind: Kind, before?: KubeObject) {
  const own = kind.strategy.validate?.(object, before) ?? [];
  if (kind.builtin) return own;
  const { metadata: _, ...content } = object;
  const old = before && { ...before, metadata: undefined };
  return [...own, ...validate(content, kind.schema, { before: old })];
}
