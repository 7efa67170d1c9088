/** `order …`: what a signed-in user does with orders, over REST. */
import { Command } from "commander";
import { actionCommands } from "./order/act.ts";
import { applyCommand } from "./order/apply.ts";
import { downloadCommand } from "./order/download.ts";
import { extendCommand } from "./order/extend.ts";
import { listCommand } from "./order/list.ts";
import { getCommand, watchCommand } from "./order/look.ts";

export function orderCommand(): Command {
  const command = new Command("order").description(
    "Order products, follow and fetch what was ordered (sign in first).",
  );
  const own = [
    applyCommand(),
    listCommand(),
    getCommand(),
    watchCommand(),
    downloadCommand(),
    extendCommand(),
    ...actionCommands(),
  ];
  for (const one of own) command.addCommand(one);
  return command;
}
