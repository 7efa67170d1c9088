/**
 * The runs that an order's selections ask for, as their processes are now: read from Kubernetes each time, because an order may come in the same
 * moment as its process. A call that was allowed when the order was taken may not be any more; then the order fails and says so.
 */
import type { Catalogue } from "#catalog/catalogue.ts";
import { checkCall } from "#catalog/process/check-call.ts";
import { byCall, checkProcesses, problemText, processNamed } from "#catalog/process/check-selections.ts";
import { inputTypes } from "#catalog/process/limits.ts";
import type { FileType } from "#crds/files.ts";
import type { Selection } from "#crds/order.ts";
import type { Process } from "#crds/process.ts";
import type { ResourceApi } from "#kube/resource.ts";
import type { OrderRow } from "#store/orders.ts";
import type { Runs } from "./buckets.ts";
import { accessOf } from "./facts.ts";

export type CalledRuns = Runs & {
  /** Of the selections that make this call. */
  readonly indices: ReadonlySet<number>;
  readonly inputs: readonly FileType[];
};
export type FoundRuns =
  | { readonly kind: "runs"; readonly runs: readonly CalledRuns[] }
  | { readonly kind: "failed"; readonly message: string };

export type RunPorts = {
  readonly catalogue: Catalogue;
  readonly processes: { readonly api: ResourceApi<Process> };
};

/** Those that the selections name and that there are. */
export async function calledProcesses(
  { processes }: Pick<RunPorts, "processes">,
  selections: readonly Selection[],
): Promise<readonly Process[]> {
  const names = new Set(selections.flatMap(({ process }) => process?.name ?? []));
  const found = await Promise.all([...names].map((name) => processes.api.get(name)));
  return found.filter((process) => process !== undefined);
}

/** `isFirst`: nothing of the order is cut yet, so its limits and datasets are looked at too. Throws CatalogueError. */
export async function runsOf(row: OrderRow, ports: RunPorts, o: { readonly isFirst: boolean }): Promise<FoundRuns> {
  const { selections } = row.spec;
  const calls = byCall(selections);
  if (calls.length === 0) return { kind: "runs", runs: [] };
  const processes = await calledProcesses(ports, selections);
  if (o.isFirst) {
    const check = { catalogue: ports.catalogue, processes, access: accessOf(row), before: row.createdAt };
    const [problem] = await checkProcesses(selections, check);
    if (problem) return { kind: "failed", message: problemText(problem) };
  }
  const runs: CalledRuns[] = [];
  for (const { call, members } of calls) {
    const process = processNamed(call.name, processes);
    const checked = checkCall(call, { process, role: row.role });
    if (checked.kind === "bad") {
      const [message = ""] = checked.problems.map((problem) => problemText({ ...problem, process: call.name }));
      return { kind: "failed", message };
    }
    runs.push({
      process: { name: call.name, parameters: checked.parameters, scope: checked.process.spec.scope },
      limits: limitsOf(checked.process),
      inputs: inputTypes(checked.process),
      indices: new Set(members.map(({ index }) => index)),
    });
  }
  return { kind: "runs", runs };
}

/** 0 is none, as for the contract's processes. */
function limitsOf({ spec }: Process): Runs["limits"] {
  const { files, bytes, products } = spec.limits ?? {};
  return { ...(files && { files }), ...(bytes && { bytes }), ...(products && { products }) };
}
