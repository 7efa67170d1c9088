/** The only reader of the sub-order controller: its row as it is now, its Jobs and pods from the caches. */
import { jobName } from "#crds/names.ts";
import type { SubOrder } from "#crds/suborder.ts";
import type { Job } from "#kube/kinds.ts";
import { patienceOf, subOrdersOf } from "#store/files.ts";
import type { RowObserved, SubOrderObserved } from "./observed.ts";
import { isFinished } from "./outcome.ts";
import { BY_SUBORDER, type SubOrderPorts, subOrderKey } from "./ports.ts";

/** `named`, when given, is the Job of our name as just read from the server: the cache may not have it yet. */
export async function observe(
  ports: SubOrderPorts,
  subOrder: SubOrder,
  named = ports.jobs.cache.get(jobName(subOrder.metadata.name, subOrder.spec.attempt)),
): Promise<SubOrderObserved> {
  const { orderId, number } = subOrder.spec;
  const key = subOrderKey(orderId, number);
  const row = await readRow(ports, { orderId, number, named });
  return {
    subOrder,
    jobs: ports.jobs.cache.by(BY_SUBORDER, key),
    pods: ports.pods.cache.by(BY_SUBORDER, key),
    config: ports.config,
    ...(row ? { row } : {}),
    ...(named ? { named } : {}),
  };
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
