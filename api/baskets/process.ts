/** The processes that an administrator approved, and whether what is in a basket is within their limits. */
import type { FileType } from "#crds/files.ts";
import type { Process } from "#crds/process.ts";
import { PROCESSES } from "#crds/resource-types.ts";
import { KubeError } from "#kube/errors.ts";
import { resourceApi } from "#kube/resource.ts";
import type { Transport } from "#kube/transport.ts";
import type { BasketTotals } from "#store/baskets.ts";
import { HttpProblem } from "../http/problem.ts";

const NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const UID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const DEFAULT_INPUTS: readonly FileType[] = ["RAWDATA"];

/** By its name, or by its UID: the contract's ids are UUIDs. */
export async function findProcess(transport: Transport, id: string): Promise<Process | undefined> {
  const processes = resourceApi<Process>(transport, PROCESSES);
  try {
    if (NAME.test(id)) {
      const named = await processes.get(id);
      if (named) return named;
    }
    if (!UID.test(id)) return undefined;
    const { items } = await processes.list();
    return items.find(({ metadata }) => metadata.uid === id.toLowerCase());
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
    throw new HttpProblem(503, ["Cannot look for the process: Kubernetes does not answer now"], { "retry-after": "5" });
  }
}

/** Refuses with 409 what is too much for a process that may not be split into several runs. */
export function checkLimits({ spec }: Process, totals: BasketTotals): void {
  const { limits, inputs = DEFAULT_INPUTS } = spec;
  if (!limits?.forbidSplit) return;
  const taken = inputs.map((type) => totals.byType[type] ?? { files: 0, bytes: 0 });
  const amounts = [
    ["FEATURES", totals.objects, limits.products],
    ["FILES", taken.reduce((sum, { files }) => sum + files, 0), limits.files],
    ["BYTES", taken.reduce((sum, { bytes }) => sum + bytes, 0), limits.bytes],
  ] as const;
  for (const [unit, amount, limit = 0] of amounts) {
    if (limit > 0 && amount > limit) throw new HttpProblem(409, [tooMany({ unit, amount, limit })]);
  }
}

function tooMany({ unit, amount, limit }: { unit: string; amount: number; limit: number }): string {
  return `The number of selected "${unit}" in the basket [${amount}] exceeds the maximum number of "${unit}" allowed [${limit}]. Please, decrease the number of selected items or contact the administrator for more information.`;
}
