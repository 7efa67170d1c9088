/**
 * `order download`: the archive of what is ready, resumed after an interruption, verified at the end. A script must see from the exit code alone
 * whether it has every file: one that the service could not put in makes it another than 0, though the archive is good as far as it goes.
 */
import { Command, Option } from "commander";
import { type Downloaded, describeVerdict, downloadOrder, downloadParts } from "../../download/order-archive.ts";
import { Failure } from "../../failure.ts";
import { counted, humanSize } from "../../output/human.ts";
import { bytes, client, orderId } from "./common.ts";

const INCOMPLETE_CODE = 3;

export const DOWNLOAD_CODES = `
Exit codes: 0 the archive holds every file that was ready; ${INCOMPLETE_CODE} it is good, but some could not be put in (NOTICE.txt names them); 1 there is no good archive.`;

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
    .addHelpText("after", DOWNLOAD_CODES)
    .action(async (id: number, { output, layout, partSize }: Options) => {
      const o = { path: output ?? `order_${id}.zip`, ...(layout !== undefined && { layout }) };
      const archives: Downloaded[] = [];
      const onPart = (part: Downloaded) => {
        tellDownloaded(part);
        archives.push(part);
      };
      if (partSize === undefined) onPart(await downloadOrder(client(), id, o));
      else await downloadParts(client(), id, { ...o, partSize, onPart });
      refuseIncomplete(id, archives);
    });
}

/** Fails where the service could not put in every file: the archives are kept, they lack no other. */
export function refuseIncomplete(id: number, archives: readonly Downloaded[]): void {
  const missing = archives.reduce((sum, { verdict }) => sum + verdict.missing, 0);
  if (missing === 0) return;
  const what = `${counted(missing, "file")} could not be put in, see NOTICE.txt in the archive`;
  throw new Failure(`Order ${id} was not downloaded completely: ${what}`, { code: INCOMPLETE_CODE });
}

/** What came, and what did not: a file that the service could not put in is told wherever an archive is fetched. */
export function tellDownloaded({ path, resumedFrom, verdict }: Downloaded): void {
  if (resumedFrom > 0) process.stderr.write(`resumed at ${humanSize(resumedFrom)}\n`);
  process.stderr.write(`${describeVerdict(verdict)}\n`);
  if (verdict.notice) process.stderr.write(`The service could not put in every file:\n${verdict.notice}`);
  process.stdout.write(`archive ${path}\n`);
}
