/** `catalog …`: what can be ordered, in the tenant's database. What lies in folders may be fetched from there afterwards. */
import { resolve } from "node:path";
import { Command } from "commander";
import type { ImportReport } from "#catalog/import/report.ts";
import type { Db } from "#store/db.ts";
import { readSettings, writeSetting } from "#store/settings.ts";
import { withDatabase } from "../database.ts";
import { type HomeOptions, withHome } from "../home.ts";
import { counted } from "../output/human.ts";

const EXAMPLES = `
Examples:
  $ regards-order catalog import SOMEWHERE/collection.json         a folder's STAC: item, collection, catalogue, ItemCollection, NDJSON
  $ regards-order catalog import https://stac.example.org/collections/sentinel-2/items --reference
  $ regards-order catalog scan /data/buoys --dataset "Buoys" --group meteo`;

const WARNINGS_SHOWN = 10;

type Options = HomeOptions & { group?: readonly string[]; json?: boolean };

export function catalogCommand(): Command {
  const command = new Command("catalog").description("What can be ordered: import descriptions, or scan folders.");
  for (const one of [importCommand(), scanCommand()]) command.addCommand(withVisibility(withHome(one)));
  return command.addHelpText("after", EXAMPLES);
}

function importCommand(): Command {
  return new Command("import")
    .description("Import STAC from files or web addresses; importing again updates.")
    .argument("<source...>", "path or URL of an item, collection, catalogue, ItemCollection or NDJSON")
    .option("--reference", "never fetch the files: hand them out from where they are")
    .action(async (sources: readonly string[], options: Options & { reference?: boolean }) => {
      const { importStac } = await import("#catalog/import/stac.ts");
      await withDatabase(options, async (db) => {
        for (const source of sources) {
          const progress = liveCount();
          const report = await importStac(db, source, {
            ...visibility(options),
            reference: options.reference === true,
            onProgress: progress.update,
          }).finally(progress.end);
          await finish(db, report, { source, json: options.json === true });
        }
      });
    });
}

function scanCommand(): Command {
  return new Command("scan")
    .description("Catalogue the files of a folder as products of one dataset.")
    .argument("<folder>")
    .requiredOption("--dataset <name>", "name of the dataset")
    .action(async (folder: string, options: Options & { dataset: string }) => {
      const { scanFolder } = await import("#catalog/import/scan.ts");
      await withDatabase(options, async (db) => {
        const progress = liveCount();
        const report = await scanFolder(db, resolve(folder), {
          ...visibility(options),
          dataset: options.dataset,
          onProgress: progress.update,
        }).finally(progress.end);
        await finish(db, report, { source: folder, json: options.json === true });
      });
    });
}

function withVisibility(command: Command): Command {
  return command
    .option("--group <name>", "only users of this group may order it (repeatable); absent: everybody", collect)
    .option("--json", "print the report as JSON");
}

function visibility({ tenant, group }: Options) {
  return { tenant, ...(group && { groups: group }) };
}

/** Allows the worker to read below the folders of the report, and says what was done. */
async function finish(db: Db, report: ImportReport, o: { source: string; json: boolean }): Promise<void> {
  const { allowed_file_roots: before } = await readSettings(db);
  const missing = report.roots.filter((root) => !before.includes(root));
  if (missing.length > 0) await writeSetting(db, "allowed_file_roots", [...before, ...missing]);
  for (const warning of report.warnings.slice(0, WARNINGS_SHOWN)) process.stderr.write(`warning: ${warning}\n`);
  const more = report.warningsTotal - Math.min(report.warnings.length, WARNINGS_SHOWN);
  if (more > 0) process.stderr.write(`warning: ${counted(more, "more warning")}\n`);
  if (o.json) return void process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  const changes = [`${report.created} new`, `${report.updated} changed`, `${report.unchanged} as before`];
  if (report.removed > 0) changes.push(`${report.removed} removed`);
  const contents = `${counted(report.products, "product")} (${changes.join(", ")}) with ${counted(report.files, "file")}`;
  process.stdout.write(`${o.source}: ${contents} in ${counted(report.datasets, "dataset")}\n`);
  for (const root of missing) process.stdout.write(`files below ${root} may be fetched now\n`);
}

/** Counts on one line of the terminal while it runs; nothing elsewhere. */
function liveCount() {
  const live = process.stderr.isTTY;
  return {
    update: ({ products, files }: { products: number; files: number }) => {
      if (live) process.stderr.write(`\r${counted(products, "product")}, ${counted(files, "file")}…\u001b[K`);
    },
    end: () => {
      if (live) process.stderr.write("\r\u001b[K");
    },
  };
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}
