/**
 * Events, which a server shows under two API versions out of one store: core/v1 (what kubectl reads) and events.k8s.io/v1 (what new programs write).
 * Stored in the core form; the conversion follows k8s.io/kubernetes/pkg/apis/events/v1/conversion.go.
 */
import { at, type Fields, fieldsOf, type KubeObject, without } from "../object.ts";
import { age } from "../table/age.ts";
import { builtinKind, NAME_COLUMN } from "./define.ts";
import type { Column, Kind, Row } from "./kind.ts";

/** core/v1 name → events.k8s.io/v1 name */
const RENAMED: Readonly<Record<string, string>> = {
  involvedObject: "regarding",
  message: "note",
  reportingComponent: "reportingController",
  source: "deprecatedSource",
  firstTimestamp: "deprecatedFirstTimestamp",
  lastTimestamp: "deprecatedLastTimestamp",
  count: "deprecatedCount",
};
const RENAMED_BACK = Object.fromEntries(Object.entries(RENAMED).map(([core, events]) => [events, core]));

function rename(object: KubeObject, names: Readonly<Record<string, string>>, apiVersion: string): KubeObject {
  const fields = Object.entries(object).map(([field, value]) => [names[field] ?? field, value]);
  return { ...Object.fromEntries(fields), apiVersion, kind: "Event", metadata: object.metadata };
}

function seen(event: KubeObject): { first: unknown; last: unknown; count: number } {
  const series = fieldsOf(event["series"]);
  const first = event["firstTimestamp"] ?? event["eventTime"];
  if (Object.keys(series).length > 0) {
    return { first, last: series["lastObservedTime"], count: Number(series["count"] ?? 1) };
  }
  return { first, last: event["lastTimestamp"] ?? first, count: Number(event["count"] ?? 1) };
}

function lastSeen(event: KubeObject, now: Date): string {
  const { first, last, count } = seen(event);
  return count > 1 ? `${age(last, now)} (x${count} over ${age(first, now)})` : age(last, now);
}

function sourceText(event: KubeObject): string {
  const component = at(event, "source", "component") || event["reportingComponent"] || "";
  const host = at(event, "source", "host") || event["reportingInstance"] || "";
  return [component, host].filter(Boolean).join(", ");
}

const COLUMNS: readonly Column[] = [
  { name: "Last Seen", type: "string", description: "When it was last seen." },
  { name: "Type", type: "string", description: "Normal or Warning." },
  { name: "Reason", type: "string", description: "Why, in one word." },
  { name: "Object", type: "string", description: "The object it is about." },
  { name: "Subobject", type: "string", priority: 1, description: "The part of that object." },
  { name: "Source", type: "string", priority: 1, description: "Who reports it." },
  { name: "Message", type: "string", description: "Why, for people." },
  { name: "First Seen", type: "string", priority: 1, description: "When it was first seen." },
  { name: "Count", type: "string", priority: 1, description: "How often it was seen." },
  { ...NAME_COLUMN, priority: 1 },
];

const row: Row = (event, now) => {
  const { first, count } = seen(event);
  const object = fieldsOf(event["involvedObject"]);
  const name = object["name"] ? `/${object["name"]}` : "";
  return [
    lastSeen(event, now),
    event["type"] ?? "",
    event["reason"] ?? "",
    `${String(object["kind"] ?? "").toLowerCase()}${name}`,
    object["fieldPath"] ?? "",
    sourceText(event),
    String(event["message"] ?? "").trim(),
    age(first, now),
    count,
    event.metadata.name,
  ];
};

function selectable(field: string): Readonly<Record<string, (event: KubeObject) => string>> {
  const parts = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];
  const about = parts.map((part) => [`${field}.${part}`, (event: KubeObject) => String(at(event, field, part) ?? "")]);
  const own = ["reason", "type", "reportingComponent", "reportingController"].map((name) => [
    name,
    (event: KubeObject) => String(event[name] ?? ""),
  ]);
  return Object.fromEntries([...about, ...own]);
}

const shared = { plural: "events", kind: "Event", shortNames: ["ev"], storage: "events", columns: COLUMNS };

export const CORE_EVENTS: Kind = builtinKind({
  ...shared,
  group: "",
  version: "v1",
  component: "io.k8s.api.core.v1.Event",
  row,
  selectable: {
    ...selectable("involvedObject"),
    source: (event) => String(at(event, "source", "component") ?? event["reportingComponent"] ?? ""),
  },
});

function toStored(event: KubeObject): KubeObject {
  return rename(event, RENAMED_BACK, "v1");
}

export const EVENTS: Kind = builtinKind({
  ...shared,
  group: "events.k8s.io",
  version: "v1",
  component: "io.k8s.api.events.v1.Event",
  row: (event, now) => row(toStored(event), now),
  selectable: selectable("regarding"),
  strategy: {
    convert: { toStored, fromStored: (event) => rename(event, RENAMED, "events.k8s.io/v1") },
  },
});

/** When the event was last seen, for the sweep that lets events go after an hour. */
export function eventTime(event: Fields): number {
  const { last } = seen({
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "" },
    ...without(event, "metadata", "apiVersion", "kind"),
  });
  return Date.parse(String(last ?? at(event, "metadata", "creationTimestamp")));
}
