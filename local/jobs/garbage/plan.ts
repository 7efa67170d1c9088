/**
 * What owner references ask for, about one object: pure. Owners are told apart by UID, never by name.
 * Foreground: an owner that is being deleted with `foregroundDeletion` goes after its dependents. Orphan: its dependents stay and forget it.
 */
import type { KubeObject, OwnerReference } from "#kube/resource.ts";

export const FOREGROUND = "foregroundDeletion";
export const ORPHAN = "orphan";

export type OwnerState = "there" | "waiting" | "gone";

export type GarbageAction =
  | { readonly kind: "delete"; readonly object: KubeObject; readonly propagation: "Foreground" | "Background" }
  /** Takes these owners out of the object's references. */
  | { readonly kind: "forget"; readonly object: KubeObject; readonly owners: readonly OwnerReference[] }
  | { readonly kind: "unblock"; readonly object: KubeObject; readonly finalizer: string };

export function isDeleting(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp !== undefined;
}

/** Whether the object is being deleted and waits for its dependents to go first. */
export function waitsForDependents(object: KubeObject): boolean {
  return isDeleting(object) && object.metadata.finalizers?.includes(FOREGROUND) === true;
}

/** What is to be done about an object, given the state of each of its owners and everything that refers to it. */
export function planGarbage(
  object: KubeObject,
  o: { ownerState: (owner: OwnerReference) => OwnerState; dependents: readonly KubeObject[] },
): readonly GarbageAction[] {
  return isDeleting(object) ? ofDeleted(object, o.dependents) : ofOwned(object, o);
}

function ofDeleted(object: KubeObject, dependents: readonly KubeObject[]): readonly GarbageAction[] {
  const { uid, finalizers = [] } = object.metadata;
  const own = (owner: OwnerReference) => owner.uid === uid;
  if (finalizers.includes(ORPHAN)) {
    const refs = (dependent: KubeObject) => (dependent.metadata.ownerReferences ?? []).filter(own);
    return [
      ...dependents.map((dependent) => ({ kind: "forget", object: dependent, owners: refs(dependent) }) as const),
      ...(dependents.length === 0 ? [{ kind: "unblock", object, finalizer: ORPHAN } as const] : []),
    ];
  }
  if (!finalizers.includes(FOREGROUND)) return [];
  const blocking = dependents.some((dependent) =>
    dependent.metadata.ownerReferences?.some((owner) => own(owner) && owner.blockOwnerDeletion === true),
  );
  return blocking ? [] : [{ kind: "unblock", object, finalizer: FOREGROUND }];
}

function ofOwned(
  object: KubeObject,
  { ownerState, dependents }: { ownerState: (owner: OwnerReference) => OwnerState; dependents: readonly KubeObject[] },
): readonly GarbageAction[] {
  const owners = (object.metadata.ownerReferences ?? []).map((owner) => ({ owner, state: ownerState(owner) }));
  const leaving = owners.filter(({ state }) => state !== "there");
  if (leaving.length === 0) return [];
  if (leaving.length < owners.length) return [{ kind: "forget", object, owners: leaving.map(({ owner }) => owner) }];
  const ordered = leaving.some(({ state }) => state === "waiting") && dependents.length > 0;
  return [{ kind: "delete", object, propagation: ordered ? "Foreground" : "Background" }];
}
