/** The discovery paths: /api, /apis, and the lists below them. */

import type { Registry } from "../resources/registry.ts";
import { json, jsonText } from "../respond/answer.ts";
import { accepted } from "../respond/media.ts";
import { noSuchPath } from "../status.ts";
import { API_VERSIONS, aggregated, apiGroup, apiGroupList, resourceList } from "./resources.ts";

const AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/** The answer when the path is one of discovery; `undefined` when it is of a resource. */
export function discoveryAnswer(registry: Registry, request: Request, pathname: string): Response | undefined {
  const parts = pathname.split("/").filter((part) => part !== "");
  const core = parts[0] === "api";
  if (parts.length === 1) return rootAnswer(registry, request, core);
  if (core)
    return parts.length === 2 ? found(resourceList(registry, { group: "", version: parts[1] ?? "" })) : undefined;
  const [, group = "", version = ""] = parts;
  if (parts.length === 2) {
    const answer = apiGroup(registry, group);
    return found(answer && { kind: "APIGroup", apiVersion: "v1", ...answer });
  }
  return parts.length === 3 ? found(resourceList(registry, { group, version })) : undefined;
}

function found(value: unknown): Response {
  if (value === undefined) throw noSuchPath();
  return json(value);
}

function rootAnswer(registry: Registry, request: Request, core: boolean): Response {
  const wanted = accepted(request.headers.get("accept")).find(
    ({ as, version }) => as === "" || (as === "APIGroupDiscoveryList" && version === "v2"),
  );
  if (wanted?.as !== "APIGroupDiscoveryList") return json(core ? API_VERSIONS : apiGroupList(registry));
  const answer = jsonText(JSON.stringify(aggregated(registry, core)));
  answer.headers.set("content-type", AGGREGATED);
  answer.headers.set("vary", "Accept");
  return answer;
}
