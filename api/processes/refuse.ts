/** Refuses to have a process run that may not be, or not like this: 404 when it is not there, 403 for a role, 409 for too much, else 422. */
import { type Access, type Catalogue, CatalogueError } from "#catalog/catalogue.ts";
import {
  type CallProblem,
  checkCall,
  coversDataset,
  type DatasetName,
  datasetProblem,
} from "#catalog/process/check-call.ts";
import { checkProcesses, problemText } from "#catalog/process/check-selections.ts";
import { excessOf, selectedTooMany } from "#catalog/process/limits.ts";
import type { Role } from "#crds/files.ts";
import type { ProcessCall, Selection } from "#crds/order.ts";
import type { Process } from "#crds/process.ts";
import type { Transport } from "#kube/transport.ts";
import type { BasketTotals } from "#store/baskets.ts";
import { HttpProblem } from "../http/problem.ts";
import { processesFor, processReader } from "./read.ts";

const STATUS: Readonly<Record<CallProblem["kind"], number>> = {
  unknown: 404,
  role: 403,
  limit: 409,
  unready: 422,
  parameters: 422,
  dataset: 422,
};

/** Whoever may use it, with these parameters. */
export function refuseCall(process: Process, o: { readonly call: ProcessCall; readonly role: Role }): void {
  const checked = checkCall(o.call, { process, role: o.role });
  if (checked.kind === "bad") throw callProblem(checked.problems);
}

/** One dataset of a basket, and what is selected of it. */
export function refuseDataset(process: Process, dataset: DatasetName & { readonly totals: BasketTotals }): void {
  if (!coversDataset(process, dataset)) throw callProblem([datasetProblem(process, dataset)]);
  const { objects: products, byType } = dataset.totals;
  const excess = excessOf(process, { products, byType });
  if (excess) throw new HttpProblem(409, [selectedTooMany(excess)]);
}

/**
 * An order made of what was there already. A process that is no more is 422 then: it is not the address that is wrong. What the catalogue cannot
 * answer (any more) is not refused here: the order itself tells of it.
 */
export async function refuseProcesses(
  deps: { readonly transport: Transport; readonly catalogue: Catalogue; readonly now: () => Date },
  o: { readonly selections: readonly Selection[]; readonly access: Access },
): Promise<void> {
  const { access, selections } = o;
  const processes = await processesFor(selections, processReader(deps.transport));
  const check = { catalogue: deps.catalogue, processes, access, before: deps.now() };
  const problems = await checkProcesses(selections, check).catch((error: unknown) => {
    if (error instanceof CatalogueError) return [];
    throw error;
  });
  const [first] = problems;
  if (!first) return;
  const status = first.kind === "unknown" ? 422 : STATUS[first.kind];
  throw new HttpProblem(status, problems.map(problemText));
}

function callProblem(problems: readonly CallProblem[]): HttpProblem {
  const status = STATUS[problems[0]?.kind ?? "parameters"];
  return new HttpProblem(status, problems.map(line), {}, { fields: problems });
}

/** A text that names the process needs no field before it. */
function line({ field, message }: CallProblem): string {
  return field === "name" ? message : `${field}: ${message}`;
}
