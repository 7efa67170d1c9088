/** `worker`: the program inside a Job. Not for people; its arguments are the operator's and are read by the worker itself. */
import { Command } from "commander";

export function workerCommand(): Command {
  return new Command("worker")
    .description("Fetch the files of one sub-order (what Jobs run).")
    .argument("[arguments...]", "--order ID --sub-order N --attempt A")
    .helpOption(false)
    .allowUnknownOption()
    .action(async (args: readonly string[]) => {
      const { workerMain } = await import("#worker/main.ts");
      process.exit(await workerMain(args, process.env));
    });
}
