/**
 * Whether the processes that some selections call may be run on what the selections find. The catalogue is asked only where a process is for some
 * datasets only, or must not be split.
 */
import type { ProcessCall, Selection } from "#crds/order.ts";
import type { Process } from "#crds/process.ts";
import type { Catalogue, SearchOptions } from "../catalogue.ts";
import { type CallProblem, checkCall, coversDataset, datasetProblem } from "./check-call.ts";
import { type Excess, excessOf, orderedTooMany } from "./limits.ts";

export type SelectionProblem = CallProblem & {
  /** Of the first selection with that call. */
  readonly index: number;
  readonly process: string;
  readonly excess?: Excess;
};

/** In words; a text that names the process needs neither its name nor a field before it. */
export function problemText({
  process,
  field,
  message,
}: Pick<SelectionProblem, "process" | "field" | "message">): string {
  return field === "name" ? message : `Process '${process}': ${field}: ${message}`;
}

export type ProcessCheck = SearchOptions & {
  readonly catalogue: Catalogue;
  readonly processes: readonly Process[];
};

/** Selections by the call that they make, the index of each with it; those that make none are left out. */
export function byCall(selections: readonly Selection[]): readonly {
  readonly call: ProcessCall;
  readonly members: readonly { readonly index: number; readonly selection: Selection }[];
}[] {
  const members = selections.flatMap((selection, index) =>
    selection.process ? [{ index, selection, call: selection.process }] : [],
  );
  return [...Map.groupBy(members, ({ call }) => callKey(call)).values()].flatMap((group) =>
    group[0] ? [{ call: group[0].call, members: group }] : [],
  );
}

/** The same process with the same parameters, in whatever order they were given. */
function callKey({ name, parameters = {} }: ProcessCall): string {
  return JSON.stringify([name, Object.entries(parameters).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

/** Empty when all is well. Throws CatalogueError. */
export async function checkProcesses(
  selections: readonly Selection[],
  o: ProcessCheck,
): Promise<readonly SelectionProblem[]> {
  const calls = byCall(selections);
  const problems = calls.flatMap(({ call, members }) => {
    const process = processNamed(call.name, o.processes);
    const checked = checkCall(call, { process, role: o.access.role });
    const index = members[0]?.index ?? 0;
    if (checked.kind === "good") return [];
    return checked.problems.map((problem) => ({ ...problem, index, process: call.name }));
  });
  if (problems.length > 0) return problems;
  const found = [];
  for (const { call, members } of calls) {
    const process = processNamed(call.name, o.processes);
    const asked = members.map(({ selection }) => selection);
    if (process) found.push(...(await measured(process, { ...o, asked, index: members[0]?.index ?? 0 })));
  }
  return found;
}

/** The one that a call names, if it is there. */
export function processNamed(name: string, processes: readonly Process[]): Process | undefined {
  return processes.find(({ metadata }) => metadata.name === name);
}

async function measured(
  process: Process,
  o: ProcessCheck & { readonly asked: readonly Selection[]; readonly index: number },
): Promise<readonly SelectionProblem[]> {
  const { datasets, limits } = process.spec;
  if (datasets === undefined && !limits?.forbidSplit) return [];
  const { access, before, index } = o;
  const summary = await o.catalogue.summarize(o.asked, { access, before });
  const { name } = process.metadata;
  const foreign = summary.datasets.filter((dataset) => dataset.files > 0 && !coversDataset(process, dataset));
  if (foreign.length > 0) {
    return foreign.map((dataset) => ({ ...datasetProblem(process, dataset), index, process: name }));
  }
  return summary.datasets.flatMap((dataset) => {
    const excess = excessOf(process, dataset);
    if (!excess) return [];
    return [{ kind: "limit", field: "name", message: orderedTooMany(excess), index, process: name, excess } as const];
  });
}
