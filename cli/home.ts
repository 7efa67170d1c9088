/** Options that commands on a home folder share. */
import { resolve } from "node:path";
import type { Command } from "commander";

export type HomeOptions = { readonly home: string; readonly tenant: string };

/** Adds `--home` and `--tenant`, with the environment and then the contract's values as defaults. */
export function withHome(command: Command): Command {
  const home = process.env["ORDER_HOME"] ?? ".regards-order";
  return withTenant(command.option("--home <folder>", "where everything is kept (ORDER_HOME)", home));
}

export function withTenant(command: Command): Command {
  return command.option(
    "--tenant <name>",
    "tenant, i.e. project (ORDER_TENANT)",
    process.env["ORDER_TENANT"] ?? "default",
  );
}

export function homeFolder(options: HomeOptions): string {
  return resolve(options.home);
}
