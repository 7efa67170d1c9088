/** Namespaces, config maps, secrets, service accounts and leases: kinds that hold data and do nothing. */
import { at, fieldsOf, type KubeObject, listOf } from "../object.ts";
import { AGE_COLUMN, ageCell, builtinKind, NAME_COLUMN } from "./define.ts";

const NAMESPACE_FINALIZER = "kubernetes";

export const NAMESPACES = builtinKind({
  group: "",
  version: "v1",
  plural: "namespaces",
  kind: "Namespace",
  component: "io.k8s.api.core.v1.Namespace",
  namespaced: false,
  shortNames: ["ns"],
  statusSubresource: true,
  columns: [NAME_COLUMN, { name: "Status", type: "string", description: "The status of the namespace" }, AGE_COLUMN],
  row: (object, now) => [object.metadata.name, at(object, "status", "phase") ?? "", ageCell(object, now)],
  selectable: { "status.phase": (object) => String(at(object, "status", "phase") ?? "") },
  strategy: {
    prepareCreate: (object) => ({
      ...object,
      metadata: {
        ...object.metadata,
        labels: { ...object.metadata.labels, "kubernetes.io/metadata.name": object.metadata.name },
      },
      spec: { finalizers: [NAMESPACE_FINALIZER] },
      status: { phase: "Active" },
    }),
    prepareUpdate: (object, before) => ({
      ...object,
      metadata: {
        ...object.metadata,
        labels: { ...object.metadata.labels, "kubernetes.io/metadata.name": object.metadata.name },
      },
      spec: before["spec"],
    }),
  },
});

export const CONFIG_MAPS = builtinKind({
  group: "",
  version: "v1",
  plural: "configmaps",
  kind: "ConfigMap",
  component: "io.k8s.api.core.v1.ConfigMap",
  shortNames: ["cm"],
  columns: [
    NAME_COLUMN,
    { name: "Data", type: "string", description: "Data contains the configuration data." },
    AGE_COLUMN,
  ],
  row: (object, now) => {
    const count = Object.keys(fieldsOf(object["data"])).length + Object.keys(fieldsOf(object["binaryData"])).length;
    return [object.metadata.name, count, ageCell(object, now)];
  },
  selectable: {},
});

/** Moves `stringData` into `data`, as the server does on every write. */
function encodeStringData(object: KubeObject): KubeObject {
  const { stringData, ...rest } = object;
  const encoded = Object.entries(fieldsOf(stringData)).map(([key, value]) => [
    key,
    Buffer.from(String(value)).toString("base64"),
  ]);
  const data = { ...fieldsOf(object["data"]), ...Object.fromEntries(encoded) };
  return {
    ...rest,
    metadata: object.metadata,
    apiVersion: object.apiVersion,
    kind: object.kind,
    ...(Object.keys(data).length > 0 && { data }),
    type: object["type"] || "Opaque",
  };
}

export const SECRETS = builtinKind({
  group: "",
  version: "v1",
  plural: "secrets",
  kind: "Secret",
  component: "io.k8s.api.core.v1.Secret",
  columns: [
    NAME_COLUMN,
    { name: "Type", type: "string", description: "Used to facilitate programmatic handling of secret data." },
    { name: "Data", type: "string", description: "Data contains the secret data." },
    AGE_COLUMN,
  ],
  row: (object, now) => [
    object.metadata.name,
    object["type"],
    Object.keys(fieldsOf(object["data"])).length,
    ageCell(object, now),
  ],
  selectable: { type: (object) => String(object["type"] ?? "") },
  strategy: { prepareCreate: encodeStringData, prepareUpdate: encodeStringData },
});

export const SERVICE_ACCOUNTS = builtinKind({
  group: "",
  version: "v1",
  plural: "serviceaccounts",
  kind: "ServiceAccount",
  component: "io.k8s.api.core.v1.ServiceAccount",
  shortNames: ["sa"],
  columns: [NAME_COLUMN, { name: "Secrets", type: "string", description: "Secrets of the account." }, AGE_COLUMN],
  row: (object, now) => [object.metadata.name, listOf(object["secrets"]).length, ageCell(object, now)],
});

export const LEASES = builtinKind({
  group: "coordination.k8s.io",
  version: "v1",
  plural: "leases",
  kind: "Lease",
  component: "io.k8s.api.coordination.v1.Lease",
  columns: [NAME_COLUMN, { name: "Holder", type: "string", description: "Who holds the lease." }, AGE_COLUMN],
  row: (object, now) => [object.metadata.name, at(object, "spec", "holderIdentity") ?? "", ageCell(object, now)],
});
