/** `order pause|resume|retry|cancel|delete`: one request each; the service says no where the order's state forbids it. */
import { Command } from "commander";
import type { RestClient } from "../../client/rest.ts";
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
  return ACTIONS.map(({ name, done, text, act }) =>
    new Command(name)
      .description(text)
      .argument("<id>", "number of the order", orderId)
      .action(async (id: number) => {
        await client()[act](id);
        process.stdout.write(`order ${id} ${done}\n`);
      }),
  );
}
