/** `order extend`: another date at which the files are given back. */
import { Command, InvalidArgumentError } from "commander";
import { humanTime } from "../../output/human.ts";
import { client, orderId } from "./common.ts";

const EXAMPLES = `
Examples:
  $ regards-order order extend 7 --until +7d                    seven days from now; h and d are understood
  $ regards-order order extend 7 --until 2026-12-01T12:00:00Z   a date alone means its start, UTC`;

export function extendCommand(): Command {
  return new Command("extend")
    .description("Keep the files of an order longer, or less long, within the service's limit.")
    .argument("<id>", "number of the order", orderId)
    .requiredOption(
      "--until <time>",
      "a date, or +7d and the like from now",
      timeReader(() => new Date()),
    )
    .addHelpText("after", EXAMPLES)
    .action(async (id: number, options: { until: Date }) => {
      const order = await client().extend(id, options.until);
      const until = order.expirationDate ?? options.until.toISOString();
      process.stdout.write(`order ${id} expires ${humanTime(until, new Date())} (${until})\n`);
    });
}

const HOUR_MS = 3_600_000;
const UNITS: Readonly<Record<string, number>> = { h: HOUR_MS, d: 24 * HOUR_MS };

export function timeReader(now: () => Date): (text: string) => Date {
  return (text) => {
    const [, count, unit = ""] = /^\+(\d{1,6})([hd])$/.exec(text) ?? [];
    const ms = UNITS[unit];
    if (count !== undefined && ms !== undefined) return new Date(now().getTime() + Number(count) * ms);
    const date = /^\d{4}-\d{2}-\d{2}/.test(text) ? new Date(text) : new Date(Number.NaN);
    if (Number.isNaN(date.getTime())) {
      throw new InvalidArgumentError("A time is needed, e.g. 2026-12-01, 2026-12-01T12:00:00Z, +7d or +12h.");
    }
    return date;
  };
}
