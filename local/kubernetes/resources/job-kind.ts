/** Jobs of batch/v1: the defaults, the selector that the server chooses, what may not change, and the columns. */
import { at, type Fields, fieldsOf, type KubeObject, listOf, sameJson } from "../object.ts";
import type { Cause } from "../status.ts";
import { age, humanDuration } from "../table/age.ts";
import { invalidValue, notSupported, required } from "../validation/causes.ts";
import { AGE_COLUMN, ageCell, builtinKind, NAME_COLUMN } from "./define.ts";
import { withPodDefaults } from "./pod-defaults.ts";
import { podSpecCauses } from "./pod-kind.ts";

function prepareCreate(job: KubeObject): KubeObject {
  const spec = fieldsOf(job["spec"]);
  const template = fieldsOf(spec["template"]);
  const uid = job.metadata.uid ?? "";
  const generated = {
    "batch.kubernetes.io/controller-uid": uid,
    "batch.kubernetes.io/job-name": job.metadata.name,
    "controller-uid": uid,
    "job-name": job.metadata.name,
  };
  const manual = spec["manualSelector"] === true;
  const labels = { ...fieldsOf(at(template, "metadata", "labels")), ...(!manual && generated) };
  const completions = spec["completions"] === undefined && spec["parallelism"] === undefined ? { completions: 1 } : {};
  return {
    ...job,
    metadata: { ...job.metadata, ...ownLabels(job, template) },
    spec: {
      parallelism: 1,
      ...completions,
      backoffLimit: spec["backoffLimitPerIndex"] === undefined ? 6 : 2147483647,
      completionMode: "NonIndexed",
      manualSelector: false,
      suspend: false,
      podReplacementPolicy: spec["podFailurePolicy"] === undefined ? "TerminatingOrFailed" : "Failed",
      ...(!manual && { selector: { matchLabels: { "batch.kubernetes.io/controller-uid": uid } } }),
      ...spec,
      template: {
        ...template,
        metadata: { ...fieldsOf(template["metadata"]), labels },
        spec: withPodDefaults(template["spec"]),
      },
    },
    status: {},
  };
}

/** A Job without labels gets those of its template. */
function ownLabels(job: KubeObject, template: Fields): { labels?: Readonly<Record<string, string>> } {
  const labels = job.metadata.labels ?? stringLabels(at(template, "metadata", "labels"));
  return Object.keys(labels).length > 0 ? { labels } : {};
}

function stringLabels(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fieldsOf(value)).map(([key, inner]) => [key, String(inner)]));
}

function createCauses(job: KubeObject): readonly Cause[] {
  const spec = fieldsOf(job["spec"]);
  const policy = at(spec, "template", "spec", "restartPolicy");
  const path = "spec.template.spec";
  return [
    ...(spec["template"] === undefined
      ? [required("spec.template")]
      : podSpecCauses(at(spec, "template", "spec"), path)),
    ...(policy === "Always" || policy === undefined
      ? [
          policy === undefined
            ? required(`${path}.restartPolicy`, 'valid values: "OnFailure", "Never"')
            : notSupported(`${path}.restartPolicy`, policy, ["OnFailure", "Never"]),
        ]
      : []),
    ...["parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished"].flatMap(
      (field) =>
        Number(spec[field] ?? 0) < 0
          ? [invalidValue(`spec.${field}`, spec[field], "must be greater than or equal to 0")]
          : [],
    ),
  ];
}

/** Fields that stay as they were made; the template may change only while the job is suspended and has not started. */
function updateCauses(job: KubeObject, before: KubeObject): readonly Cause[] {
  const fields = ["completions", "selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy"];
  const notStarted = at(before, "spec", "suspend") === true && at(before, "status", "startTime") === undefined;
  const frozen = notStarted ? fields : [...fields, "template"];
  return frozen.flatMap((field) => {
    const value = at(job, "spec", field);
    return sameJson(value, at(before, "spec", field))
      ? []
      : [invalidValue(`spec.${field}`, value ?? null, "field is immutable")];
  });
}

function hasCondition(job: KubeObject, type: string): boolean {
  return listOf(at(job, "status", "conditions")).some(
    (condition) => at(condition, "type") === type && at(condition, "status") === "True",
  );
}

function jobStatus(job: KubeObject): string {
  if (hasCondition(job, "Complete")) return "Complete";
  if (hasCondition(job, "Failed")) return "Failed";
  if (job.metadata.deletionTimestamp !== undefined) return "Terminating";
  if (hasCondition(job, "Suspended")) return "Suspended";
  if (hasCondition(job, "FailureTarget")) return "FailureTarget";
  if (hasCondition(job, "SuccessCriteriaMet")) return "SuccessCriteriaMet";
  return "Running";
}

function duration(job: KubeObject, now: Date): string {
  const start = at(job, "status", "startTime");
  const end = at(job, "status", "completionTime");
  if (typeof start !== "string") return "";
  return typeof end === "string" ? humanDuration(Date.parse(end) - Date.parse(start)) : age(start, now);
}

function completions(job: KubeObject): string {
  const succeeded = Number(at(job, "status", "succeeded") ?? 0);
  const wanted = at(job, "spec", "completions");
  if (wanted !== undefined) return `${succeeded}/${wanted}`;
  const parallelism = Number(at(job, "spec", "parallelism") ?? 0);
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function selectorText(job: KubeObject): string {
  const labels = Object.entries(fieldsOf(at(job, "spec", "selector", "matchLabels")));
  return labels.map(([key, value]) => `${key}=${value}`).join(",") || "<none>";
}

export const JOBS = builtinKind({
  group: "batch",
  version: "v1",
  plural: "jobs",
  kind: "Job",
  component: "io.k8s.api.batch.v1.Job",
  categories: ["all"],
  statusSubresource: true,
  generation: true,
  columns: [
    NAME_COLUMN,
    { name: "Status", type: "string", description: "Status of the job." },
    { name: "Completions", type: "string", description: "Successfully finished pods of those wanted." },
    { name: "Duration", type: "string", description: "Time required to complete the job." },
    AGE_COLUMN,
    { name: "Containers", type: "string", priority: 1, description: "Names of each container in the template." },
    {
      name: "Images",
      type: "string",
      priority: 1,
      description: "Images referenced by each container in the template.",
    },
    { name: "Selector", type: "string", priority: 1, description: "Label selector of the job's pods." },
  ],
  row: (job, now) => {
    const containers = listOf(at(job, "spec", "template", "spec", "containers"));
    return [
      job.metadata.name,
      jobStatus(job),
      completions(job),
      duration(job, now),
      ageCell(job, now),
      containers.map((container) => at(container, "name")).join(","),
      containers.map((container) => at(container, "image")).join(","),
      selectorText(job),
    ];
  },
  selectable: { "status.successful": (job) => String(at(job, "status", "succeeded") ?? 0) },
  strategy: {
    prepareCreate,
    validate: (job, before) => [...createCauses(job), ...(before === undefined ? [] : updateCauses(job, before))],
  },
});
