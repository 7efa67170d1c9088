/** The only reader of the sub-order controller: its row as it is now, its Jobs and pods from the caches. */
import { jobName } from "#crds/names.ts";
import type { Process } from "#crds/process.ts";
import type { SubOrder } from "#crds/suborder.ts";
import type { Job } from "#kube/kinds.ts";
import { patienceOf, subOrdersOf } from "#store/files.ts";
import type { RowObserved, SubOrderObserved } from "./observed.ts";
import { isFinished } from "./outcome.ts";
import { BY_SUBORDER, type SubOrderPorts, subOrderKey } from "./ports.ts";

/** `made`: the Job of our name as just read from the server, which the cache may not have yet. */
export async function observe(ports: SubOrderPorts, subOrder: SubOrder, made?: Job): Promise<SubOrderObserved> {
  const { orderId, number, attempt } = subOrder.spec;
  const key = subOrderKey(orderId, number);
  // The caches in one moment, and before the row: a Job that has ended in the one has all its files in the other.
  const named = made ?? ports.jobs.cache.get(jobName(subOrder.metadata.name, attempt));
  const jobs = ports.jobs.cache.by(BY_SUBORDER, key);
  const pods = ports.pods.cache.by(BY_SUBORDER, key);
  const row = await readRow(ports, { orderId, number, named });
  const process = named ? undefined : await processOf(ports, row);
  return {
    subOrder,
    jobs,
    pods,
    config: ports.config,
    ...(row ? { row } : {}),
    ...(process ? { process } : {}),
    ...(named ? { named } : {}),
  };
}

/** Looked for live before it is called gone: an order may come in the same moment as its process. */
async function processOf({ processes }: SubOrderPorts, row: RowObserved | undefined): Promise<Process | undefined> {
  const name = row?.process?.name;
  return name === undefined ? undefined : (processes.cache.get(name) ?? (await processes.api.get(name)));
}

async function readRow(
  { db }: SubOrderPorts,
  o: { orderId: number; number: number; named: Job | undefined },
): Promise<RowObserved | undefined> {
  const [row] = await subOrdersOf(db, o.orderId, { after: o.number - 1, limit: 1 });
  if (row === undefined || row.number !== o.number) return undefined;
  if (o.named === undefined || !isFinished(o.named) || row.files.pending === 0) return row;
  const { readyAt } = await patienceOf(db, o.orderId, o.number);
  return readyAt === undefined ? row : { ...row, readyAt };
}
