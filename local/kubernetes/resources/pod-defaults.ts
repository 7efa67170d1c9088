/** What a server fills in where a pod (or a pod template) is silent: k8s.io/kubernetes/pkg/apis/core/v1/defaults.go, for the fields in use. */
import { type Fields, fieldsOf, listOf } from "../object.ts";

function containerDefaults(value: unknown): Fields {
  const container = fieldsOf(value);
  const image = String(container["image"] ?? "");
  const tagged = /[@:][^/]*$/.test(image);
  return {
    imagePullPolicy: tagged && !image.endsWith(":latest") ? "IfNotPresent" : "Always",
    resources: {},
    terminationMessagePath: "/dev/termination-log",
    terminationMessagePolicy: "File",
    ...container,
  };
}

function restartDefault(spec: Fields): Fields {
  return {
    restartPolicy: "Always",
    terminationGracePeriodSeconds: 30,
    dnsPolicy: "ClusterFirst",
    securityContext: {},
    schedulerName: "default-scheduler",
    ...spec,
  };
}

/** The pod spec with its defaults; fields that are there stay as they are. */
export function withPodDefaults(value: unknown): Fields {
  const spec = fieldsOf(value);
  return {
    ...restartDefault(spec),
    ...(spec["serviceAccountName"] !== undefined && { serviceAccount: spec["serviceAccountName"] }),
    ...(spec["initContainers"] !== undefined && {
      initContainers: listOf(spec["initContainers"]).map(containerDefaults),
    }),
    containers: listOf(spec["containers"]).map(containerDefaults),
  };
}
