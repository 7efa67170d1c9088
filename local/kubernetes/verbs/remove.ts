/**
 * Deletes an object, or marks it: finalizers hold it back until their owners are done, pods get their time to stop.
 * The order of decisions is that of k8s.io/apiserver/pkg/registry/rest.BeforeDelete and genericregistry's finalizer handling.
 */
import { type Kube, storeKey, type Target } from "../kube.ts";
import { type Fields, fieldsOf, isFields, type KubeObject, kubeTime, type Metadata, sameJson } from "../object.ts";
import type { Kind } from "../resources/kind.ts";
import { badRequest, conflict, notFound, type Status } from "../status.ts";

export type DeleteOptions = {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly propagation?: "Foreground" | "Background" | "Orphan";
  readonly graceSeconds?: number;
  readonly dryRun: boolean;
};

export type Removed = { readonly gone: boolean; readonly object: KubeObject };

/** From the request's body, or its query where there is no body. */
export function deleteOptions(body: unknown, query: URLSearchParams): DeleteOptions {
  const fields = fieldsOf(body);
  const preconditions = fieldsOf(fields["preconditions"]);
  const propagation =
    text(fields["propagationPolicy"]) ?? legacyOrphan(fields) ?? query.get("propagationPolicy") ?? undefined;
  const grace = fields["gracePeriodSeconds"] ?? query.get("gracePeriodSeconds") ?? undefined;
  const uid = text(preconditions["uid"]);
  const resourceVersion = text(preconditions["resourceVersion"]);
  return {
    ...(uid !== undefined && { uid }),
    ...(resourceVersion !== undefined && { resourceVersion }),
    ...(propagation !== undefined && { propagation: policy(propagation) }),
    ...(grace !== undefined && { graceSeconds: graceOf(grace) }),
    dryRun: Array.isArray(fields["dryRun"]) ? fields["dryRun"].includes("All") : query.getAll("dryRun").includes("All"),
  };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function legacyOrphan(fields: Fields): string | undefined {
  if (typeof fields["orphanDependents"] !== "boolean") return undefined;
  return fields["orphanDependents"] ? "Orphan" : "Background";
}

function policy(value: string): "Foreground" | "Background" | "Orphan" {
  if (value === "Foreground" || value === "Background" || value === "Orphan") return value;
  throw badRequest(
    `DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: ${JSON.stringify(value)}: supported values: "Foreground", "Background", "Orphan", "nil"`,
  );
}

function graceOf(value: unknown): number {
  const seconds = Number(value);
  if (!Number.isInteger(seconds)) throw badRequest(`invalid gracePeriodSeconds: ${JSON.stringify(value)}`);
  return Math.max(seconds, 0);
}

export async function removeObject(kube: Kube, target: Target, options: DeleteOptions): Promise<Removed> {
  const { kind } = target;
  const key = storeKey(target);
  return kube.store.exclusive(key, async () => {
    const stored = kube.store.collection(key.resource).get(key.namespace, key.name);
    if (!stored) throw notFound(kind, target.name);
    checkPreconditions(stored, options, target);
    const marked = mark(stored, options, { kind, now: kube.now() });
    const show = (object: KubeObject) => kind.strategy.convert?.fromStored(object) ?? object;
    const next = mustWait(marked, kind) ? marked : undefined;
    if (options.dryRun) return { gone: next === undefined, object: show(next ?? stored) };
    if (next && sameJson(next, stored)) return { gone: false, object: show(stored) };
    const written = await kube.store.commit(key, next);
    return { gone: written === undefined, object: show(written ?? stored) };
  });
}

function checkPreconditions(stored: KubeObject, options: DeleteOptions, { kind, name }: Target): void {
  const { uid, resourceVersion } = stored.metadata;
  if (options.uid !== undefined && options.uid !== uid) {
    const why = `Precondition failed: UID in precondition: ${options.uid}, UID in object meta: ${uid}`;
    throw conflict(kind, name, why);
  }
  if (options.resourceVersion !== undefined && options.resourceVersion !== resourceVersion) {
    const why = `Precondition failed: ResourceVersion in precondition: ${options.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`;
    throw conflict(kind, name, why);
  }
}

/** Finalizers that the propagation policy asks the collector for. */
function propagationFinalizers(finalizers: readonly string[], options: DeleteOptions): readonly string[] {
  if (options.propagation === undefined) return finalizers;
  const others = finalizers.filter((name) => name !== "orphan" && name !== "foregroundDeletion");
  if (options.propagation === "Foreground") return [...others, "foregroundDeletion"];
  return options.propagation === "Orphan" ? [...others, "orphan"] : others;
}

/** The object with its deletion written into the metadata. */
function mark(stored: KubeObject, options: DeleteOptions, o: { kind: Kind; now: Date }): KubeObject {
  const finalizers = propagationFinalizers(stored.metadata.finalizers ?? [], options);
  const grace = o.kind.strategy.graceSeconds?.(stored, options.graceSeconds) ?? 0;
  return { ...stored, metadata: { ...deletion(stored.metadata, grace, o.now), ...finalizerField(finalizers) } };
}

function finalizerField(finalizers: readonly string[]): Pick<Metadata, "finalizers"> {
  return finalizers.length > 0 ? { finalizers } : {};
}

function deletion(metadata: Metadata, grace: number, now: Date): Metadata {
  const { finalizers: _, ...rest } = metadata;
  const before = rest.deletionGracePeriodSeconds;
  if (rest.deletionTimestamp !== undefined) {
    // Already on its way: a second wish can only hurry it.
    if (before === undefined || before <= grace) return rest;
    const asked = Date.parse(rest.deletionTimestamp) - before * 1000;
    return { ...rest, deletionGracePeriodSeconds: grace, deletionTimestamp: kubeTime(new Date(asked + grace * 1000)) };
  }
  return {
    ...rest,
    deletionTimestamp: kubeTime(new Date(now.getTime() + grace * 1000)),
    deletionGracePeriodSeconds: grace,
    ...(rest.generation !== undefined && { generation: rest.generation + 1 }),
  };
}

/** Whether something must happen before the object may go. */
function mustWait(marked: KubeObject, kind: Kind): boolean {
  const { finalizers, deletionGracePeriodSeconds } = marked.metadata;
  if ((finalizers?.length ?? 0) > 0 || (deletionGracePeriodSeconds ?? 0) > 0) return true;
  const held = kind.plural === "namespaces" ? fieldsOf(marked["spec"])["finalizers"] : undefined;
  return Array.isArray(held) && held.length > 0;
}

/** The answer to a deletion: the object while it waits, a Status once it is gone. */
export function removalAnswer({ gone, object }: Removed, kind: Kind): KubeObject | Status {
  if (!gone) return object;
  const { name, uid } = object.metadata;
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { name, ...(kind.group && { group: kind.group }), kind: kind.plural, ...(uid && { uid }) },
  };
}

/** Whether a body is a DeleteOptions at all. */
export function checkDeleteBody(body: unknown): void {
  if (body !== undefined && !isFields(body)) throw badRequest("the body of a DELETE must be a DeleteOptions object");
}
