/**
 * Typed access to one kind of object in one namespace: the verbs of the Kubernetes API and nothing on top of them.
 * Reads are live (no cache); preconditions (UID, resourceVersion) are the caller's to give before anything destructive.
 */
import { callJson, expectOk, openStream, type RequestTarget } from "./request.ts";
import type { Transport } from "./transport.ts";
import { decodeWatch, type WatchEvent } from "./watch-events.ts";

export type OwnerReference = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
};

export type ObjectMeta = {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
};

export type KubeObject = { readonly apiVersion?: string; readonly kind?: string; readonly metadata: ObjectMeta };

export type ResourceType<T extends KubeObject> = {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  /** Set for kinds that live outside namespaces. */
  readonly clusterScoped?: boolean;
  /** Never there: it carries the object's type to `resourceApi`. */
  readonly object?: T;
};

export type ListOptions = {
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly limit?: number;
  readonly continue?: string;
  readonly resourceVersion?: string;
  readonly signal?: AbortSignal;
};
export type List<T> = { readonly items: T[]; readonly resourceVersion: string; readonly continue?: string };

export type PatchOptions = {
  /** `merge` unless told otherwise. `apply` is server-side apply and needs a field manager. */
  readonly kind?: "merge" | "json" | "apply" | "strategic";
  readonly subresource?: "status";
  /** For `apply`: take over fields that another manager holds. */
  readonly force?: boolean;
  readonly fieldManager?: string;
  readonly signal?: AbortSignal;
};
export type WriteOptions = { readonly fieldManager?: string; readonly signal?: AbortSignal };

export type DeleteOptions = {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly propagation?: "Foreground" | "Background" | "Orphan";
  readonly graceSeconds?: number;
  readonly signal?: AbortSignal;
};

export type WatchOptions = {
  readonly resourceVersion: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly timeoutSeconds?: number;
  /** Called when the server has taken the watch, which may be long before it says anything. */
  readonly onOpen?: () => void;
  readonly signal?: AbortSignal;
};

export type ResourceApi<T extends KubeObject> = {
  readonly type: ResourceType<T>;
  readonly namespace: string;
  /** The object as it is now; `undefined` when there is none. */
  get(name: string, o?: { readonly signal?: AbortSignal }): Promise<T | undefined>;
  list(o?: ListOptions): Promise<List<T>>;
  create(object: T, o?: WriteOptions): Promise<T>;
  patch(name: string, patch: unknown, o?: PatchOptions): Promise<T>;
  /** Writes the whole object; refused as a conflict when its resourceVersion is not the present one. */
  replace(object: T, o?: WriteOptions & { readonly subresource?: "status" }): Promise<T>;
  /** Deletes; an object that is not there is fine. A precondition that does not hold is a conflict. */
  delete(name: string, o?: DeleteOptions): Promise<void>;
  /** Events after `resourceVersion`, until the server ends the watch; a 410, as status or in the stream, is thrown as `KubeError`. */
  watch(o: WatchOptions): AsyncIterable<WatchEvent<T>>;
};

const PATCH_TYPES = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  apply: "application/apply-patch+yaml",
  strategic: "application/strategic-merge-patch+json",
} as const;

/** `apiVersion` of the objects of a kind. */
export function apiVersionOf(type: { readonly group: string; readonly version: string }): string {
  return type.group === "" ? type.version : `${type.group}/${type.version}`;
}

/** The verbs on `type`, in the transport's namespace or in the one given. */
export function resourceApi<T extends KubeObject>(
  transport: Transport,
  type: ResourceType<T>,
  options: { readonly namespace?: string; readonly fieldManager?: string } = {},
): ResourceApi<T> {
  const namespace = options.namespace ?? transport.namespace;
  const apiVersion = apiVersionOf(type);
  const root = type.group === "" ? `/api/${apiVersion}` : `/apis/${apiVersion}`;
  const collection = type.clusterScoped
    ? `${root}/${type.plural}`
    : `${root}/namespaces/${encodeURIComponent(namespace)}/${type.plural}`;
  const path = (name: string, subresource?: string) =>
    `${collection}/${encodeURIComponent(name)}${subresource === undefined ? "" : `/${subresource}`}`;
  const target = (verb: string, name?: string): RequestTarget => ({
    transport,
    verb,
    resource: type.plural,
    ...(name === undefined ? {} : { name }),
  });
  const typed = (object: T): T => ({ apiVersion, kind: type.kind, ...object });

  return {
    type,
    namespace,
    get: (name, o = {}) =>
      callJson<T>(target("get", name), { method: "GET", path: path(name), missingIsFine: true, signal: o.signal }),
    async list(o = {}) {
      const { signal, ...query } = o;
      const answer = await callJson<RawList<T>>(target("list"), {
        method: "GET",
        path: collection + queryString(query),
        signal,
      });
      const list = expectOk(answer, target("list"));
      const next = list.metadata?.continue;
      return {
        items: (list.items ?? []).map(typed),
        resourceVersion: list.metadata?.resourceVersion ?? "",
        ...(next ? { continue: next } : {}),
      };
    },
    async create(object, o = {}) {
      const at = target("create", object.metadata.name);
      const query = queryString({ fieldManager: o.fieldManager ?? options.fieldManager });
      const body = JSON.stringify(typed(object));
      return expectOk(await callJson<T>(at, { method: "POST", path: collection + query, body, signal: o.signal }), at);
    },
    async patch(name, patch, o = {}) {
      const at = target("patch", name);
      const kind = o.kind ?? "merge";
      const query = queryString({
        fieldManager: o.fieldManager ?? options.fieldManager,
        force: kind === "apply" && o.force ? true : undefined,
      });
      const request = {
        method: "PATCH",
        path: path(name, o.subresource) + query,
        body: JSON.stringify(patch),
        contentType: PATCH_TYPES[kind],
        signal: o.signal,
      };
      return expectOk(await callJson<T>(at, request), at);
    },
    async replace(object, o = {}) {
      const at = target("replace", object.metadata.name);
      const query = queryString({ fieldManager: o.fieldManager ?? options.fieldManager });
      const request = {
        method: "PUT",
        path: path(object.metadata.name, o.subresource) + query,
        body: JSON.stringify(typed(object)),
        signal: o.signal,
      };
      return expectOk(await callJson<T>(at, request), at);
    },
    async delete(name, o = {}) {
      await callJson(target("delete", name), {
        method: "DELETE",
        path: path(name),
        body: JSON.stringify(deleteOptions(o)),
        missingIsFine: true,
        signal: o.signal,
      });
    },
    async *watch(o) {
      const { signal, onOpen, ...query } = o;
      const watch = { ...query, watch: true, allowWatchBookmarks: true };
      const body = await openStream(target("watch"), { path: collection + queryString(watch), signal });
      onOpen?.();
      yield* decodeWatch<T>(body, { resource: type.plural, signal });
    },
  };
}

type RawList<T> = {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly T[];
};

function queryString(values: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) if (value !== undefined) query.set(key, String(value));
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

function deleteOptions(o: DeleteOptions) {
  return {
    apiVersion: "v1",
    kind: "DeleteOptions",
    propagationPolicy: o.propagation ?? "Background",
    ...(o.graceSeconds === undefined ? {} : { gracePeriodSeconds: o.graceSeconds }),
    ...(o.uid === undefined && o.resourceVersion === undefined
      ? {}
      : { preconditions: { uid: o.uid, resourceVersion: o.resourceVersion } }),
  };
}
