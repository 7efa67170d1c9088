/**
 * The processes that an administrator approved, read from Kubernetes when somebody names one: what was applied a moment ago is there at once.
 */
import { callProcesses, type Selection } from "#crds/order.ts";
import type { Process } from "#crds/process.ts";
import { PROCESSES } from "#crds/resource-types.ts";
import { KubeError } from "#kube/errors.ts";
import { resourceApi } from "#kube/resource.ts";
import type { Transport } from "#kube/transport.ts";
import { HttpProblem } from "../http/problem.ts";

/** Throws HttpProblem 503 while Kubernetes is away. */
export type ReadProcesses = () => Promise<readonly Process[]>;

const LIMIT_MS = 5_000;
const PAGE = 500;

export function processReader(transport: Transport): ReadProcesses {
  const api = resourceApi<Process>(transport, PROCESSES);
  return async () => {
    const all: Process[] = [];
    const signal = AbortSignal.timeout(LIMIT_MS);
    try {
      let next: string | undefined;
      do {
        const page = await api.list({ limit: PAGE, ...(next !== undefined && { continue: next }), signal });
        all.push(...page.items);
        next = page.continue;
      } while (next !== undefined);
      return all;
    } catch (error) {
      if (!(error instanceof KubeError)) throw error;
      throw new HttpProblem(503, ["Cannot look for the process: Kubernetes does not answer now"], {
        "retry-after": "5",
      });
    }
  };
}

/** Those among which the processes of these selections are; nobody's orders without one wait for Kubernetes. */
export async function processesFor(selections: readonly Selection[], read: ReadProcesses): Promise<readonly Process[]> {
  return callProcesses(selections) ? await read() : [];
}

const REMEMBERED_MS = 1_000;

/** The same, asked once a second at most: programs order in bursts. */
export function briefly(read: ReadProcesses, clock: () => number = () => performance.now()): ReadProcesses {
  let known: { readonly since: number; readonly processes: ReturnType<ReadProcesses> } | undefined;
  return () => {
    if (known && clock() - known.since < REMEMBERED_MS) return known.processes;
    const asked = { since: clock(), processes: read() };
    known = asked;
    asked.processes.catch(() => {
      if (known === asked) known = undefined;
    });
    return asked.processes;
  };
}

/** By its name, or by its UID: the contract's ids are UUIDs. */
export function findProcess(processes: readonly Process[], id: string): Process | undefined {
  return (
    processes.find(({ metadata }) => metadata.name === id) ??
    processes.find(({ metadata }) => metadata.uid === id.toLowerCase())
  );
}
