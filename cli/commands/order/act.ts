/** `order pause|resume|retry|cancel|delete`: of one order, of several, or of all; the service says no where the order's state forbids it. */
import { Command } from "commander";
import type { RestClient } from "../../client/rest.ts";
import { Failure } from "../../failure.ts";
import { client, orderId } from "./common.ts";

const ACTIONS = [
  { name: "pause", done: "will pause", text: "Stop the work on an order; what is there stays.", act: "pause" },
  { name: "resume", done: "goes on", text: "Go on with a paused order.", act: "resume" },
  { name: "retry", done: "fetches failed files again", text: "Fetch the failed files again.", act: "retry" },
  {
    name: "cancel",
    done: "is being ended",
    text: "End an order; what is there stays until it expires.",
    act: "cancel",
  },
  { name: "delete", done: "is being deleted", text: "End an order and give back its files.", act: "remove" },
] as const satisfies readonly { name: string; done: string; text: string; act: keyof RestClient }[];

export function actionCommands(): readonly Command[] {
  return ACTIONS.map((action) =>
    new Command(action.name)
      .description(action.text)
      .argument("[ids...]", "numbers of the orders", orderIds)
      .option("--all", "all orders of yours on which it is allowed")
      .action(async (ids: readonly number[] | undefined, options: { all?: boolean }) => {
        const [first, ...more] = ids ?? [];
        if ((first === undefined) !== (options.all === true)) throw new Failure("Name the orders, or give --all");
        if (first === undefined || more.length > 0) return await actOnMany(action, options.all ? undefined : ids);
        await client()[action.act](first);
        process.stdout.write(`order ${first} ${action.done}\n`);
      }),
  );
}

function orderIds(text: string, before: readonly number[] = []): readonly number[] {
  return [...before, orderId(text)];
}

/** One line for each order; fails when one was refused, after the others were asked. */
async function actOnMany(action: (typeof ACTIONS)[number], ids: readonly number[] | undefined): Promise<void> {
  const { results, remaining } = await client().act(action.name, ids);
  const refused = results.filter(({ status }) => status !== 200);
  for (const { orderId: id, status, messages } of results) {
    const why = messages.join("; ") || `answered ${status}`;
    process.stdout.write(status === 200 ? `order ${id} ${action.done}\n` : `order ${id} refused: ${why}\n`);
  }
  if (results.length === 0) process.stdout.write(`no order to ${action.name}\n`);
  if (remaining > 0) process.stderr.write(`${remaining} more are left: run it again\n`);
  if (refused.length > 0) throw new Failure(`Cannot ${action.name} ${refused.length} of ${results.length} orders`);
}
