/**
 * Whether a user may have a process run with these parameters on these datasets. Pure: every way to order, the basket and the search that cuts an
 * order into runs ask here, so a call is refused everywhere for the same reasons in the same words.
 */
import { type Role, roleAtLeast } from "#crds/files.ts";
import type { ProcessCall } from "#crds/order.ts";
import type { Process } from "#crds/process.ts";
import { type Parameters, parameterCheck } from "./parameters.ts";
import { unreadiness } from "./readiness.ts";

export type DatasetName = { readonly urn: string; readonly label: string };

export type CallProblem = {
  readonly kind: "unknown" | "unready" | "role" | "parameters" | "dataset" | "limit";
  /** Below the call: `name`, `parameters.width`. */
  readonly field: string;
  readonly message: string;
};
export type CheckedCall =
  | { readonly kind: "good"; readonly process: Process; readonly parameters: Parameters }
  | { readonly kind: "bad"; readonly problems: readonly CallProblem[] };

const DEFAULT_ROLE: Role = "REGISTERED_USER";
/** Of a process's datasets that are told to whoever chose another. */
const MOST_TOLD = 5;

/** `process`: the one of that name, when there is one. */
export function checkCall(
  { name, parameters = {} }: Pick<ProcessCall, "name" | "parameters">,
  o: { readonly process: Process | undefined; readonly role: Role },
): CheckedCall {
  const { process } = o;
  const bad = (kind: CallProblem["kind"], message: string): CheckedCall => ({
    kind: "bad",
    problems: [{ kind, field: "name", message }],
  });
  if (process === undefined) return bad("unknown", `Process '${name}' does not exist`);
  const { spec } = process;
  if (!mayUse(process, o.role)) {
    return bad(
      "role",
      `Process '${name}' may not be used as ${o.role}: expected at least ${spec.role ?? DEFAULT_ROLE}`,
    );
  }
  const unready = unreadiness(spec);
  if (unready) return bad("unready", `Process '${name}' is not ready: ${unready.message}`);
  const checked = parameterCheck(spec.parameters)(parameters);
  if (checked.kind === "good") return { kind: "good", process, parameters: checked.parameters };
  const problems = checked.problems.map((problem) => {
    const field = problem.name === "" ? "parameters" : `parameters.${problem.name}`;
    return { kind: "parameters", field, message: problem.message } as const;
  });
  return { kind: "bad", problems };
}

export function mayUse({ spec }: Process, role: Role): boolean {
  return roleAtLeast(role, spec.role ?? DEFAULT_ROLE);
}

export function coversDataset({ spec }: Process, { urn, label }: DatasetName): boolean {
  return spec.datasets === undefined || spec.datasets.some((name) => name === urn || name === label);
}

/** What is said of a dataset that the process does not cover. */
export function datasetProblem({ metadata, spec }: Process, { label }: DatasetName): CallProblem {
  const { datasets = [] } = spec;
  const more = datasets.length > MOST_TOLD ? ", …" : "";
  const expected = `expected one of ${datasets.slice(0, MOST_TOLD).join(", ")}${more}`;
  return {
    kind: "dataset",
    field: "name",
    message: `Process '${metadata.name}' may not be used on dataset '${label}': ${expected}`,
  };
}
