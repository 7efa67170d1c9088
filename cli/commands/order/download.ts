/** `order download`: the archive of what is ready, resumed after an interruption, verified at the end. */
import { Command } from "commander";
import { describeVerdict, downloadOrder } from "../../download/order-archive.ts";
import { humanSize } from "../../output/human.ts";
import { client, orderId } from "./common.ts";

export function downloadCommand(): Command {
  return new Command("download")
    .description("Fetch the archive of an order's ready files and verify it. Interrupted: run it again to go on.")
    .argument("<id>", "number of the order", orderId)
    .option("-o, --output <file>", "where to (default: order_<id>.zip)")
    .action(async (id: number, options: { output?: string }) => {
      const path = options.output ?? `order_${id}.zip`;
      const { resumedFrom, verdict } = await downloadOrder(client(), id, { path });
      if (resumedFrom > 0) process.stderr.write(`resumed at ${humanSize(resumedFrom)}\n`);
      process.stderr.write(`${describeVerdict(verdict)}\n`);
      if (verdict.notice) process.stderr.write(`The service could not put in every file:\n${verdict.notice}`);
      process.stdout.write(`archive ${path}\n`);
    });
}
