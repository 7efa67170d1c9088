/** What a path under /api or /apis names. */
import { badRequest } from "../status.ts";

export type ResourcePath = {
  readonly group: string;
  readonly version: string;
  readonly namespace: string;
  readonly plural: string;
  readonly name: string;
  readonly subresource: string;
};

/** The parts of a path, decoded; `undefined` when it is not of a resource. */
export function resourcePath(pathname: string): ResourcePath | undefined {
  const parts = decoded(pathname);
  const root = parts.shift();
  if (root !== "api" && root !== "apis") return undefined;
  const group = root === "api" ? "" : parts.shift();
  const version = parts.shift();
  if (group === undefined || version === undefined || parts.length === 0 || parts.length > 5) return undefined;
  // /namespaces/{name} and /namespaces/{name}/status are the namespace itself; one more part makes it a place.
  const inNamespace = parts[0] === "namespaces" && parts.length >= 3 && !isNamespaceSubresource(parts);
  const namespace = inNamespace ? (parts[1] ?? "") : "";
  const [plural = "", name = "", subresource = "", ...rest] = inNamespace ? parts.slice(2) : parts;
  return rest.length > 0 ? undefined : { group, version, namespace, plural, name, subresource };
}

function isNamespaceSubresource(parts: readonly string[]): boolean {
  return parts.length === 3 && (parts[2] === "status" || parts[2] === "finalize");
}

function decoded(pathname: string): string[] {
  const parts = pathname.split("/").filter((part) => part !== "");
  try {
    return parts.map(decodeURIComponent);
  } catch {
    throw badRequest(`the path ${JSON.stringify(pathname)} is not properly encoded`);
  }
}
