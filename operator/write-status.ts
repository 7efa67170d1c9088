/**
 * Writes a status, only when it differs: a converged object costs no write. A merge patch, so that fields of others stay, of the version that
 * was looked at: the API server ignores a UID in a patch of the status, so only the version keeps it from an object made anew under the name.
 */
import { isNotFound } from "#kube/errors.ts";
import type { KubeObject, ResourceApi } from "#kube/resource.ts";

type WithStatus = KubeObject & { readonly status?: object };

/** The object as written; `undefined` when nothing had to be, or when the object is gone. Throws a conflict when it has changed: look again. */
export async function writeStatus<T extends WithStatus>(
  api: ResourceApi<T>,
  object: T,
  status: object,
): Promise<T | undefined> {
  const before = object.status ?? {};
  if (Bun.deepEquals(before, status)) return undefined;
  const absent = Object.keys(before).filter((key) => !(key in status));
  const patch = {
    metadata: { resourceVersion: object.metadata.resourceVersion },
    status: { ...status, ...Object.fromEntries(absent.map((key) => [key, null])) },
  };
  try {
    return await api.patch(object.metadata.name, patch, { subresource: "status" });
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
