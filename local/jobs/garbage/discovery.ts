/** Which kinds of object the API server has: the collector watches them all, those of custom resources included. */
import type { KubeObject, ResourceType } from "#kube/resource.ts";
import type { Transport } from "#kube/transport.ts";

export type Discovered = ResourceType<KubeObject>;

/** All kinds that can be listed, watched and deleted, from the discovery paths. */
export async function discover(transport: Transport, signal: AbortSignal): Promise<readonly Discovered[]> {
  const groups = await read(transport, "/apis", signal);
  const versions = listOf(groups["groups"]).map((group) => {
    const preferred = fieldsOf(fieldsOf(group)["preferredVersion"])["groupVersion"];
    return `/apis/${String(preferred)}`;
  });
  const lists = await Promise.all(["/api/v1", ...versions].map((path) => read(transport, path, signal)));
  return lists.flatMap((list) => typesOf(list));
}

function typesOf(list: Readonly<Record<string, unknown>>): readonly Discovered[] {
  const [group = "", version = ""] = splitVersion(String(list["groupVersion"] ?? ""));
  return listOf(list["resources"]).flatMap((entry) => {
    const { name, kind, namespaced, verbs } = fieldsOf(entry);
    const usable = ["list", "watch", "delete"].every((verb) => listOf(verbs).includes(verb));
    if (typeof name !== "string" || typeof kind !== "string" || name.includes("/") || !usable) return [];
    return [{ group, version, plural: name, kind, ...(namespaced === true ? {} : { clusterScoped: true }) }];
  });
}

function splitVersion(groupVersion: string): readonly string[] {
  return groupVersion.includes("/") ? groupVersion.split("/") : ["", groupVersion];
}

async function read(
  transport: Transport,
  path: string,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const response = await transport.fetch(path, { method: "GET", headers: { accept: "application/json" }, signal });
  if (!response.ok) throw new Error(`Cannot discover kinds at '${path}': answered ${response.status}`);
  return fieldsOf(await response.json());
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
