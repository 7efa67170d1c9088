/** `order list`: the user's orders, newest first. */
import { Command, InvalidArgumentError } from "commander";
import type { OrderView } from "../../client/rest.ts";
import { grouped, humanSize, humanTime } from "../../output/human.ts";
import { table } from "../../output/table.ts";
import { client, printJson } from "./common.ts";
import { contents } from "./follow.ts";

export function listCommand(): Command {
  return new Command("list")
    .description("List your orders.")
    .option("--page <number>", "which page, from 0", whole, 0)
    .option("--size <number>", "orders a page", whole, 20)
    .option("--json", "print JSON")
    .action(async (options: { page: number; size: number; json?: boolean }) => {
      const page = await client().orders(options);
      if (options.json) return printJson(page.items);
      if (page.items.length === 0) return void process.stderr.write("No orders.\n");
      process.stdout.write(`${orderTable(page.items, new Date())}\n`);
      const shown = options.page * options.size + page.items.length;
      if (page.total > shown) {
        process.stderr.write(`${page.total - shown} more: --page ${options.page + 1}\n`);
      }
    });
}

function orderTable(orders: readonly OrderView[], now: Date): string {
  return table(orders, [
    { title: "ID", align: "right", cell: (order) => String(order.id) },
    { title: "LABEL", max: 36, cell: (order) => order.label },
    { title: "STATUS", cell: (order) => order.status },
    { title: "%", align: "right", cell: (order) => String(order.percentCompleted) },
    { title: "READY", align: "right", cell: (order) => grouped(order.availableFilesCount) },
    { title: "FAILED", align: "right", cell: (order) => grouped(order.filesInErrorCount) },
    { title: "FILES", align: "right", cell: (order) => grouped(contents(order).files) },
    { title: "SIZE", align: "right", cell: (order) => humanSize(contents(order).size) },
    { title: "CREATED", cell: (order) => humanTime(order.creationDate, now) },
    { title: "EXPIRES", cell: (order) => humanTime(order.expirationDate, now) },
  ]);
}

function whole(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError("A whole number is needed.");
  return Number(text);
}
