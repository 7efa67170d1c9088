/** What is served here, as clients discover it: legacy lists and the aggregated form (apidiscovery.k8s.io/v2). */
import type { Fields } from "../object.ts";
import { apiVersionOf, type Kind } from "../resources/kind.ts";
import type { Registry } from "../resources/registry.ts";
import { VIRTUAL_KINDS, type VirtualKind } from "../resources/virtual-kinds.ts";

const VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"];
const STATUS_VERBS = ["get", "patch", "update"];

type GroupVersion = { readonly group: string; readonly version: string };

function virtualOf({ group, version }: GroupVersion): readonly VirtualKind[] {
  return VIRTUAL_KINDS.filter((kind) => kind.group === group && kind.version === version);
}

/** All groups and versions, those of the questions too. */
export function groupVersions(registry: Registry): readonly GroupVersion[] {
  const seen = new Map<string, GroupVersion>();
  for (const { group, version } of [...registry.groupVersions(), ...VIRTUAL_KINDS]) {
    seen.set(`${group}/${version}`, { group, version });
  }
  return [...seen.values()];
}

function storedResource(kind: Kind): readonly Fields[] {
  const { plural, singular, namespaced } = kind;
  const own = {
    name: plural,
    singularName: singular,
    namespaced,
    kind: kind.kind,
    verbs: VERBS,
    ...(kind.shortNames.length > 0 && { shortNames: kind.shortNames }),
    ...(kind.categories.length > 0 && { categories: kind.categories }),
  };
  return [
    own,
    ...(kind.statusSubresource
      ? [{ name: `${plural}/status`, singularName: "", namespaced, kind: kind.kind, verbs: STATUS_VERBS }]
      : []),
    ...(plural === "pods" ? [{ name: "pods/log", singularName: "", namespaced, kind: "Pod", verbs: ["get"] }] : []),
  ];
}

function virtualResource(kind: VirtualKind): Fields {
  return {
    name: kind.plural,
    singularName: kind.kind.toLowerCase(),
    namespaced: false,
    kind: kind.kind,
    verbs: ["create"],
  };
}

/** The `APIResourceList` of a group and version; `undefined` where nothing is served. */
export function resourceList(registry: Registry, place: GroupVersion): Fields | undefined {
  const resources = [
    ...registry.of(place.group, place.version).flatMap(storedResource),
    ...virtualOf(place).map(virtualResource),
  ];
  if (resources.length === 0) return undefined;
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: apiVersionOf(place), resources };
}

/** The `APIGroup` of a group. */
export function apiGroup(registry: Registry, group: string): Fields | undefined {
  const versions = groupVersions(registry)
    .filter((place) => place.group === group)
    .map((place) => ({ groupVersion: apiVersionOf(place), version: place.version }));
  if (versions.length === 0) return undefined;
  return { name: group, versions, preferredVersion: versions[0] };
}

export function apiGroupList(registry: Registry): Fields {
  const names = [...new Set(groupVersions(registry).map(({ group }) => group))].filter((group) => group !== "");
  return { kind: "APIGroupList", apiVersion: "v1", groups: names.map((group) => apiGroup(registry, group)) };
}

export const API_VERSIONS: Fields = {
  kind: "APIVersions",
  versions: ["v1"],
  serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: "" }],
};

function scope(namespaced: boolean): "Namespaced" | "Cluster" {
  return namespaced ? "Namespaced" : "Cluster";
}

function aggregatedStored(kind: Kind): Fields {
  const responseKind = { group: kind.group, version: kind.version, kind: kind.kind };
  const subresources = [
    ...(kind.statusSubresource ? [{ subresource: "status", responseKind, verbs: STATUS_VERBS }] : []),
    ...(kind.plural === "pods" ? [{ subresource: "log", responseKind, verbs: ["get"] }] : []),
  ];
  return {
    resource: kind.plural,
    responseKind,
    scope: scope(kind.namespaced),
    singularResource: kind.singular,
    verbs: VERBS,
    ...(kind.shortNames.length > 0 && { shortNames: kind.shortNames }),
    ...(kind.categories.length > 0 && { categories: kind.categories }),
    ...(subresources.length > 0 && { subresources }),
  };
}

function aggregatedVirtual({ group, version, kind, plural }: VirtualKind): Fields {
  return {
    resource: plural,
    responseKind: { group, version, kind },
    scope: scope(false),
    singularResource: kind.toLowerCase(),
    verbs: ["create"],
  };
}

/** The aggregated discovery of the core group (`/api`) or of all the others (`/apis`). */
export function aggregated(registry: Registry, core: boolean): Fields {
  const places = groupVersions(registry).filter(({ group }) => (group === "") === core);
  const groups = [...new Set(places.map(({ group }) => group))];
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: "apidiscovery.k8s.io/v2",
    metadata: {},
    items: groups.map((group) => ({
      metadata: group === "" ? {} : { name: group },
      versions: places
        .filter((place) => place.group === group)
        .map((place) => ({
          version: place.version,
          freshness: "Current",
          resources: [
            ...registry.of(place.group, place.version).map(aggregatedStored),
            ...virtualOf(place).map(aggregatedVirtual),
          ],
        })),
    })),
  };
}
