/** The query parameters of list and watch, checked. */
import type { Kind } from "../resources/kind.ts";
import { type FieldRequirement, parseFieldSelector } from "../selectors/field-selector.ts";
import { parseLabelSelector, type Requirement } from "../selectors/label-selector.ts";
import { badRequest } from "../status.ts";

export type ListOptions = {
  readonly labels: readonly Requirement[];
  readonly fields: readonly FieldRequirement[];
  readonly limit: number;
  readonly continueToken: string;
  /** `undefined` where the client gave none. */
  readonly resourceVersion: number | undefined;
  readonly match: "" | "Exact" | "NotOlderThan";
  readonly watch: boolean;
  readonly bookmarks: boolean;
  readonly sendInitialEvents: boolean;
  readonly timeoutSeconds: number | undefined;
};

function isTrue(value: string | null): boolean {
  return value === "true" || value === "1" || value === "";
}

function version(query: URLSearchParams): number | undefined {
  const text = query.get("resourceVersion");
  if (text === null || text === "") return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`invalid resource version: ${JSON.stringify(text)}`);
  return Number(text);
}

function versionMatch(query: URLSearchParams): "" | "Exact" | "NotOlderThan" {
  const text = query.get("resourceVersionMatch") ?? "";
  if (text === "" || text === "Exact" || text === "NotOlderThan") return text;
  throw badRequest(`resourceVersionMatch: Unsupported value: ${JSON.stringify(text)}`);
}

function natural(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  if (!/^\d+$/.test(text)) throw badRequest(`${name}: invalid value ${JSON.stringify(text)}`);
  return Number(text);
}

export function listOptions(query: URLSearchParams, kind: Kind): ListOptions {
  const sendInitialEvents = query.has("sendInitialEvents") && isTrue(query.get("sendInitialEvents"));
  const match = versionMatch(query);
  if (sendInitialEvents && match !== "NotOlderThan") {
    throw badRequest(
      "sendInitialEvents: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
    );
  }
  return {
    labels: parseLabelSelector(query.get("labelSelector") ?? ""),
    fields: parseFieldSelector(query.get("fieldSelector") ?? "", kind),
    limit: natural(query, "limit") ?? 0,
    continueToken: query.get("continue") ?? "",
    resourceVersion: version(query),
    match,
    watch: query.has("watch") && isTrue(query.get("watch")),
    bookmarks: query.has("allowWatchBookmarks") && isTrue(query.get("allowWatchBookmarks")),
    sendInitialEvents,
    timeoutSeconds: natural(query, "timeoutSeconds"),
  };
}
