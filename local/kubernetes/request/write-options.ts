/** The query parameters that every write takes. */
import { badRequest } from "../status.ts";

export type FieldValidation = "Ignore" | "Warn" | "Strict";

export type WriteOptions = {
  readonly dryRun: boolean;
  readonly fieldManager: string;
  readonly fieldValidation: FieldValidation;
  readonly force: boolean;
  /** Texts for `Warning` headers; the verb adds to it. */
  readonly warnings: string[];
};

function fieldValidation(value: string | null): FieldValidation {
  if (value === null || value === "") return "Warn";
  if (value === "Ignore" || value === "Warn" || value === "Strict") return value;
  throw badRequest(`PatchOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "${value}"`);
}

export function writeOptions(query: URLSearchParams, userAgent: string | null): WriteOptions {
  const dryRun = query.getAll("dryRun").filter((value) => value !== "");
  if (dryRun.some((value) => value !== "All")) throw badRequest(`dryRun: Unsupported value: "${dryRun[0]}"`);
  return {
    dryRun: dryRun.length > 0,
    fieldManager: query.get("fieldManager") || managerOf(userAgent),
    fieldValidation: fieldValidation(query.get("fieldValidation")),
    force: query.get("force") === "true",
    warnings: [],
  };
}

/** The program's name, as far as the user agent tells it. */
function managerOf(userAgent: string | null): string {
  return (userAgent ?? "unknown").split("/")[0]?.slice(0, 128) || "unknown";
}
