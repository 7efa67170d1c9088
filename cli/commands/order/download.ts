/** `order download`: the archive of what is ready, resumed after an interruption, verified at the end. */
import { Command, Option } from "commander";
import { type Downloaded, describeVerdict, downloadOrder, downloadParts } from "../../download/order-archive.ts";
import { humanSize } from "../../output/human.ts";
import { bytes, client, orderId } from "./common.ts";

type Options = { readonly output?: string; readonly layout?: string; readonly partSize?: number };

export function downloadCommand(): Command {
  return new Command("download")
    .description("Fetch the archive of an order's ready files and verify it. Interrupted: run it again to go on.")
    .argument("<id>", "number of the order", orderId)
    .option("-o, --output <file>", "where to (default: order_<id>.zip)")
    .addOption(
      new Option("--layout <kind>", "folders in the archive (default: flat)").choices(["flat", "product", "dataset"]),
    )
    .option("--part-size <bytes>", "several archives of at most so many bytes; 500M and the like are understood", bytes)
    .action(async (id: number, { output, layout, partSize }: Options) => {
      const o = { path: output ?? `order_${id}.zip`, ...(layout !== undefined && { layout }) };
      if (partSize === undefined) tellDownloaded(await downloadOrder(client(), id, o));
      else await downloadParts(client(), id, { ...o, partSize, onPart: tellDownloaded });
    });
}

/** What came, and what did not: a file that the service could not put in is told wherever an archive is fetched. */
export function tellDownloaded({ path, resumedFrom, verdict }: Downloaded): void {
  if (resumedFrom > 0) process.stderr.write(`resumed at ${humanSize(resumedFrom)}\n`);
  process.stderr.write(`${describeVerdict(verdict)}\n`);
  if (verdict.notice) process.stderr.write(`The service could not put in every file:\n${verdict.notice}`);
  process.stdout.write(`archive ${path}\n`);
}
