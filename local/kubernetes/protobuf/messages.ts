/**
 * The messages that kubectl's typed commands send (`create configmap|namespace|secret|serviceaccount|job`, `auth can-i`), by field number.
 * Field numbers are those of the generated.proto files of k8s.io/api; fields that no such command sets are left out.
 */
export type FieldType = "string" | "int" | "bool" | "strings" | "stringMap" | "bytesMap" | Message | readonly [Message];

export type Message = Readonly<Record<number, readonly [name: string, type: FieldType]>>;

const OWNER: Message = {
  1: ["kind", "string"],
  3: ["name", "string"],
  4: ["uid", "string"],
  5: ["apiVersion", "string"],
  6: ["controller", "bool"],
  7: ["blockOwnerDeletion", "bool"],
};

const METADATA: Message = {
  1: ["name", "string"],
  2: ["generateName", "string"],
  3: ["namespace", "string"],
  5: ["uid", "string"],
  6: ["resourceVersion", "string"],
  11: ["labels", "stringMap"],
  12: ["annotations", "stringMap"],
  13: ["ownerReferences", [OWNER]],
  14: ["finalizers", "strings"],
};

const NAMED: Message = { 1: ["name", "string"] };

const CONTAINER: Message = {
  1: ["name", "string"],
  2: ["image", "string"],
  3: ["command", "strings"],
  4: ["args", "strings"],
  5: ["workingDir", "string"],
  7: ["env", [{ 1: ["name", "string"], 2: ["value", "string"] }]],
  14: ["imagePullPolicy", "string"],
};

const POD_SPEC: Message = {
  2: ["containers", [CONTAINER]],
  3: ["restartPolicy", "string"],
  4: ["terminationGracePeriodSeconds", "int"],
  5: ["activeDeadlineSeconds", "int"],
  7: ["nodeSelector", "stringMap"],
  8: ["serviceAccountName", "string"],
  15: ["imagePullSecrets", [NAMED]],
  20: ["initContainers", [CONTAINER]],
};

const JOB_SPEC: Message = {
  1: ["parallelism", "int"],
  2: ["completions", "int"],
  3: ["activeDeadlineSeconds", "int"],
  5: ["manualSelector", "bool"],
  6: ["template", { 1: ["metadata", METADATA], 2: ["spec", POD_SPEC] }],
  7: ["backoffLimit", "int"],
  8: ["ttlSecondsAfterFinished", "int"],
  9: ["completionMode", "string"],
  10: ["suspend", "bool"],
};

const ACCESS: Message = {
  1: [
    "resourceAttributes",
    {
      1: ["namespace", "string"],
      2: ["verb", "string"],
      3: ["group", "string"],
      4: ["version", "string"],
      5: ["resource", "string"],
      6: ["subresource", "string"],
      7: ["name", "string"],
    },
  ],
  2: ["nonResourceAttributes", { 1: ["path", "string"], 2: ["verb", "string"] }],
};

/** By `apiVersion/kind`. */
export const MESSAGES: Readonly<Record<string, Message>> = {
  "v1/ConfigMap": {
    1: ["metadata", METADATA],
    2: ["data", "stringMap"],
    3: ["binaryData", "bytesMap"],
    4: ["immutable", "bool"],
  },
  "v1/Namespace": { 1: ["metadata", METADATA] },
  "v1/Secret": {
    1: ["metadata", METADATA],
    2: ["data", "bytesMap"],
    3: ["type", "string"],
    4: ["stringData", "stringMap"],
    5: ["immutable", "bool"],
  },
  "v1/ServiceAccount": {
    1: ["metadata", METADATA],
    2: ["secrets", [{ 3: ["name", "string"] }]],
    3: ["imagePullSecrets", [NAMED]],
  },
  "batch/v1/Job": { 1: ["metadata", METADATA], 2: ["spec", JOB_SPEC] },
  "authorization.k8s.io/v1/SelfSubjectAccessReview": { 1: ["metadata", METADATA], 2: ["spec", ACCESS] },
  "authorization.k8s.io/v1/SelfSubjectRulesReview": {
    1: ["metadata", METADATA],
    2: ["spec", { 1: ["namespace", "string"] }],
  },
  "authentication.k8s.io/v1/SelfSubjectReview": { 1: ["metadata", METADATA] },
  "v1/DeleteOptions": {
    1: ["gracePeriodSeconds", "int"],
    2: ["preconditions", { 1: ["uid", "string"], 2: ["resourceVersion", "string"] }],
    3: ["orphanDependents", "bool"],
    4: ["propagationPolicy", "string"],
    5: ["dryRun", "strings"],
  },
};
