/**
 * Writes a status, only when it differs: a converged object costs no write. A merge patch with the UID as precondition, so that neither
 * fields of others are touched nor an object written that merely has the same name.
 */
import { isConflict, isNotFound } from "#kube/errors.ts";
import type { KubeObject, ResourceApi } from "#kube/resource.ts";

type WithStatus = KubeObject & { readonly status?: object };

/** The object as written; `undefined` when nothing had to be, or when the object is gone. */
export async function writeStatus<T extends WithStatus>(
  api: ResourceApi<T>,
  object: T,
  status: object,
): Promise<T | undefined> {
  const before = object.status ?? {};
  if (Bun.deepEquals(before, status)) return undefined;
  const absent = Object.keys(before).filter((key) => !(key in status));
  const patch = {
    metadata: { uid: object.metadata.uid },
    status: { ...status, ...Object.fromEntries(absent.map((key) => [key, null])) },
  };
  try {
    return await api.patch(object.metadata.name, patch, { subresource: "status" });
  } catch (error) {
    if (isNotFound(error) || isConflict(error)) return undefined;
    throw error;
  }
}
