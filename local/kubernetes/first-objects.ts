/** What must be there before anybody asks: namespaces, and the definitions of our own resources, brought up to date at each start. */
import type { Kube } from "./kube.ts";
import type { KubeObject } from "./object.ts";
import { decode } from "./request/decode.ts";
import type { WriteOptions } from "./request/write-options.ts";
import { NAMESPACES } from "./resources/core-kinds.ts";
import { DEFINITIONS } from "./resources/definition-kind.ts";
import type { Kind } from "./resources/kind.ts";
import { createObject } from "./verbs/create.ts";
import { updateObject } from "./verbs/update.ts";

function ownWrite(): WriteOptions {
  return {
    dryRun: false,
    fieldManager: "regards-order-kubernetes",
    fieldValidation: "Ignore",
    force: false,
    warnings: [],
  };
}

export async function ensureNamespaces(kube: Kube, names: readonly string[]): Promise<void> {
  for (const name of new Set(names)) {
    await ensure(kube, NAMESPACES, { apiVersion: "v1", kind: "Namespace", metadata: { name } });
  }
}

export async function ensureDefinitions(kube: Kube, definitions: readonly KubeObject[]): Promise<void> {
  for (const definition of definitions) await ensure(kube, DEFINITIONS, definition);
}

/** Makes the object, or gives the one that is there this content. */
async function ensure(kube: Kube, kind: Kind, wanted: KubeObject): Promise<void> {
  const input = decode(wanted, kind, ownWrite());
  const { name } = input.metadata;
  const found = kube.store.collection(kind.storage).get("", name);
  if (!found) {
    await createObject(kube, { kind, namespace: "" }, input, ownWrite());
    return;
  }
  if (kind !== DEFINITIONS) return;
  const target = { kind, namespace: "", name, subresource: "" };
  await updateObject(kube, target, () => ({ object: input }), ownWrite());
}
