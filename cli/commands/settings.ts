/** `settings …`: how a tenant's service behaves, in its database; a change holds from the next thing that reads it. */
import { Command } from "commander";
import { readSettings, resetSetting, writeSetting } from "#store/settings.ts";
import { withDatabase } from "../database.ts";
import { type HomeOptions, withHome } from "../home.ts";
import { table } from "../output/table.ts";

const EXAMPLES = `
Examples:
  $ regards-order settings list
  $ regards-order settings set max_running_sub_orders 16
  $ regards-order settings set allowed_private_networks '["192.168.0.0/16"]'`;

export function settingsCommand(): Command {
  const command = new Command("settings").description("Settings of a tenant.");
  for (const one of [list(), set(), reset()]) command.addCommand(withHome(one));
  return command.addHelpText("after", EXAMPLES);
}

function list(): Command {
  return new Command("list")
    .description("List the settings and their values.")
    .option("--json", "print JSON")
    .action(async (options: HomeOptions & { json?: boolean }) => {
      const settings = await withDatabase(options, (db) => readSettings(db));
      if (options.json) return void process.stdout.write(`${JSON.stringify(settings, null, 2)}\n`);
      const text = table(Object.entries(settings), [
        { title: "NAME", cell: ([name]) => name },
        { title: "VALUE", cell: ([, value]) => (typeof value === "string" ? value : JSON.stringify(value)) },
      ]);
      process.stdout.write(`${text}\n`);
    });
}

function set(): Command {
  return new Command("set")
    .description("Change a setting; the value is JSON, or plain text where it is none.")
    .argument("<name>")
    .argument("<value>")
    .action(async (name: string, value: string, options: HomeOptions) => {
      await withDatabase(options, (db) => writeSetting(db, name, parse(value)));
      process.stdout.write(`${name} is ${value}\n`);
    });
}

function reset(): Command {
  return new Command("reset")
    .description("Give a setting its default again.")
    .argument("<name>")
    .action(async (name: string, options: HomeOptions) => {
      await withDatabase(options, (db) => resetSetting(db, name));
      process.stdout.write(`${name} has its default\n`);
    });
}

function parse(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
