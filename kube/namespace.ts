/**
 * The namespace that a transport works in. Its UID tells this life of it from any other of that name, here or in another cluster; what vanishes
 * while it is on its way out vanishes with it, and not because somebody wanted it to.
 */
import { NAMESPACES, type Namespace } from "./kinds.ts";
import { resourceApi } from "./resource.ts";
import type { Transport } from "./transport.ts";

export type OwnNamespace = { readonly uid: string; readonly isLeaving: boolean };

/** As it is now, asked of the server; `undefined` when there is none. */
export async function ownNamespace(
  transport: Transport,
  o: { readonly signal?: AbortSignal } = {},
): Promise<OwnNamespace | undefined> {
  const found = await resourceApi<Namespace>(transport, NAMESPACES).get(transport.namespace, o);
  const { uid, deletionTimestamp } = found?.metadata ?? {};
  return uid === undefined ? undefined : { uid, isLeaving: deletionTimestamp !== undefined };
}
