/**
 * The program `regards-order`: everything that a user, an administrator or a container starts, as sub-commands.
 * A failure is one line on stderr and an exit code; `--debug` adds the stack. Nothing but results goes to stdout.
 */
import { Command } from "commander";
import { version } from "../package.json" with { type: "json" };
import { amqpCommand } from "./commands/amqp.ts";
import { catalogCommand } from "./commands/catalog.ts";
import { loginCommand } from "./commands/login.ts";
import { mailCommand } from "./commands/mail.ts";
import { orderCommand } from "./commands/order.ts";
import { probeCommand } from "./commands/probe.ts";
import { processCommand } from "./commands/process.ts";
import { quotaCommand } from "./commands/quota.ts";
import { apiCommand, migrateCommand, operatorCommand } from "./commands/roles.ts";
import { settingsCommand } from "./commands/settings.ts";
import { startCommand } from "./commands/start.ts";
import { userCommand } from "./commands/user.ts";
import { webhookCommand } from "./commands/webhook.ts";
import { workerCommand } from "./commands/worker.ts";
import { explain, Failure } from "./failure.ts";

const EXAMPLES = `
Examples:
  $ regards-order start                                               the whole service on this machine
  $ regards-order user add alice@example.org --password-stdin         who may order
  $ regards-order catalog import SOMEWHERE/collection.json            what can be ordered
  $ regards-order login http://127.0.0.1:9043 --user alice@example.org
  $ regards-order order apply --query 'platform:"landsat-8"' --wait --download out.zip`;

const program = new Command("regards-order")
  .description("Order service for data archives: queries in, verified archives out.")
  .version(version)
  .option("--debug", "say where in the program a failure came from")
  .showHelpAfterError("(--help tells more)")
  .addHelpText("after", EXAMPLES);

for (const command of [
  startCommand(),
  userCommand(),
  quotaCommand(),
  catalogCommand(),
  settingsCommand(),
  loginCommand(),
  orderCommand(),
  processCommand(),
  webhookCommand(),
  mailCommand(),
  apiCommand(),
  operatorCommand(),
  amqpCommand(),
  migrateCommand(),
  probeCommand(),
]) {
  program.addCommand(command);
}
program.addCommand(workerCommand(), { hidden: true });

// Bun goes on running after an uncaught error while a top-level await is pending: end the program by hand.
for (const event of ["uncaughtException", "unhandledRejection"] as const) process.on(event, fail);

try {
  await program.parseAsync();
} catch (error) {
  fail(error);
}

function fail(error: unknown): never {
  process.stderr.write(`regards-order: ${explain(error)}\n`);
  if (program.opts()["debug"] && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exit(error instanceof Failure ? error.code : 1);
}
