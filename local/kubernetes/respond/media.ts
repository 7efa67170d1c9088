/** What the client wants an answer to be: plain, as a Table, or metadata only. Protobuf is not offered, so clients take JSON. */
import { notAcceptable } from "../status.ts";

export type Form =
  | { readonly kind: "plain" }
  | { readonly kind: "table"; readonly include: "None" | "Metadata" | "Object" }
  | { readonly kind: "metadata" };

type Accepted = { readonly type: string; readonly as: string; readonly group: string; readonly version: string };

export function accepted(header: string | null): readonly Accepted[] {
  const parts = (header || "application/json").split(",");
  return parts.map((part) => {
    const [type = "", ...parameters] = part.split(";").map((piece) => piece.trim());
    const values = new Map(
      parameters.map((parameter): [string, string] => {
        const [key = "", value = ""] = parameter.split("=");
        return [key, value];
      }),
    );
    return {
      type: type.toLowerCase(),
      as: values.get("as") ?? "",
      group: values.get("g") ?? "",
      version: values.get("v") ?? "",
    };
  });
}

function isJson(type: string): boolean {
  return type === "application/json" || type === "*/*" || type === "application/*";
}

function includeOf(query: URLSearchParams): "None" | "Metadata" | "Object" {
  const value = query.get("includeObject");
  return value === "None" || value === "Object" ? value : "Metadata";
}

export function formOf(request: Request, query: URLSearchParams): Form {
  for (const { type, as, version } of accepted(request.headers.get("accept"))) {
    if (!isJson(type)) continue;
    if (as === "") return { kind: "plain" };
    if (version !== "v1") continue;
    if (as === "Table") return { kind: "table", include: includeOf(query) };
    if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList") return { kind: "metadata" };
  }
  throw notAcceptable(["application/json"]);
}
