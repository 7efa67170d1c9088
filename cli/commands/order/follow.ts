/**
 * Follows an order until something holds, with a bar that shows how far it is. A service that cannot be reached for a moment is
 * asked again: waiting for an order may take days.
 */
import type { OrderView, RestClient } from "../../client/rest.ts";
import { Failure } from "../../failure.ts";
import { counted, humanSize } from "../../output/human.ts";
import { progressBar } from "../../output/progress.ts";

const FIRST_POLL_MS = 250;
const SLOWEST_POLL_MS = 3000;
const UNREACHABLE_MS = 120_000;

export async function followOrder(
  rest: RestClient,
  id: number,
  o: { until: (order: OrderView) => boolean; title?: string },
): Promise<OrderView> {
  const bar = progressBar(o.title ?? `order ${id}`, "percent");
  let wait = FIRST_POLL_MS;
  let reached = performance.now();
  try {
    for (;;) {
      const order = await rest.order(id).catch((error: unknown) => {
        const temporary = error instanceof Failure && error.message.startsWith("Cannot reach");
        if (!temporary || performance.now() - reached > UNREACHABLE_MS) throw error;
        return undefined;
      });
      if (order) {
        reached = performance.now();
        bar.update(order.percentCompleted, 100, describe(order));
        if (o.until(order)) return order;
      }
      await Bun.sleep(wait);
      wait = Math.min(wait * 1.2, SLOWEST_POLL_MS);
    }
  } finally {
    bar.stop();
  }
}

function describe(order: OrderView): string {
  const { files, size } = contents(order);
  const failed = order.filesInErrorCount > 0 ? `, ${order.filesInErrorCount} failed` : "";
  const all = files > 0 ? ` of ${counted(files, "file")}, ${humanSize(size)}` : "";
  return `${order.status}  ${order.availableFilesCount} ready${all}${failed}`;
}

/** Files and bytes of the whole order. */
export function contents(order: OrderView): { readonly files: number; readonly size: number } {
  return {
    files: order.datasetTasks.reduce((sum, dataset) => sum + dataset.filesCount, 0),
    size: order.datasetTasks.reduce((sum, dataset) => sum + dataset.filesSize, 0),
  };
}
