/** `quota …`: how much users may download and what they have used of it, in the tenant's database. */
import { Command, InvalidArgumentError } from "commander";
import { listUsage, type QuotaUsage, setLimits, UNLIMITED, usageOf } from "#store/quotas.ts";
import { withDatabase } from "../database.ts";
import { Failure } from "../failure.ts";
import { type HomeOptions, withHome } from "../home.ts";
import { table } from "../output/table.ts";

const HELP = `
A file of an order counts once for each user, when its first download begins: stored raw data only, neither quicklooks nor references.
Limits are numbers, \`none\`, or \`default\`: the tenant's, which are the settings maxQuota and rateLimit.

Examples:
  $ regards-order quota show
  $ regards-order quota set alice@example.org --files 1000 --rate 2
  $ regards-order quota set alice@example.org --files default
  $ regards-order settings set maxQuota 500                        for everybody without a quota of their own`;

export function quotaCommand(): Command {
  const command = new Command("quota").description("Download quotas of users: files and downloads at the same time.");
  for (const one of [show(), set()]) command.addCommand(withHome(one));
  return command.addHelpText("after", HELP);
}

function show(): Command {
  return new Command("show")
    .description("Show limits and what is used of them, of one user or of all.")
    .argument("[email]", "the user's e-mail address")
    .option("--json", "print JSON")
    .action(async (email: string | undefined, options: HomeOptions & { json?: boolean }) => {
      const now = new Date();
      const usage = await withDatabase(options, (db) =>
        email === undefined ? listUsage(db, { now }) : usageOf(db, [email], { now }),
      );
      if (options.json) return void process.stdout.write(`${JSON.stringify(usage, null, 2)}\n`);
      if (usage.length === 0) return void process.stderr.write("No users.\n");
      process.stdout.write(`${quotaTable(usage)}\n`);
    });
}

function quotaTable(usage: readonly QuotaUsage[]): string {
  return table(usage, [
    { title: "EMAIL", cell: ({ email }) => email },
    { title: "FILES", align: "right", cell: ({ currentQuota }) => String(currentQuota) },
    { title: "OF", align: "right", cell: ({ maxQuota }) => limitText(maxQuota) },
    { title: "DOWNLOADS NOW", align: "right", cell: ({ currentRate }) => String(currentRate) },
    { title: "OF", align: "right", cell: ({ rateLimit }) => limitText(rateLimit) },
  ]);
}

function limitText(limit: number): string {
  return limit === UNLIMITED ? "none" : String(limit);
}

type Limit = number | "default";
type SetOptions = HomeOptions & { files?: Limit; rate?: Limit };

function set(): Command {
  return new Command("set")
    .description("Give a user limits; the one that is not named stays as it is.")
    .argument("<email>", "the user's e-mail address")
    .option("--files <limit>", "stored raw data files that the user may download, ever", parseLimit)
    .option("--rate <limit>", "downloads at the same time", parseLimit)
    .action(async (email: string, options: SetOptions) => {
      const { files, rate } = options;
      if (files === undefined && rate === undefined) throw new Failure("Say --files or --rate", { code: 2 });
      const usage = await withDatabase(options, async (db) => {
        await setLimits(db, email, {
          ...(files !== undefined && { maxQuota: ownLimit(files) }),
          ...(rate !== undefined && { rateLimit: ownLimit(rate) }),
        });
        return usageOf(db, [email], { now: new Date() });
      });
      process.stdout.write(`${quotaTable(usage)}\n`);
    });
}

function ownLimit(limit: Limit): number | null {
  return limit === "default" ? null : limit;
}

function parseLimit(text: string): Limit {
  if (text === "default") return text;
  if (text === "none") return UNLIMITED;
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError("A number, `none` or `default` is needed.");
  return Number(text);
}
