/** `worker`: the program inside a Job. Not for people; its arguments are the operator's and are read by the worker itself. */
import { Command } from "commander";

export function workerCommand(): Command {
  return new Command("worker")
    .description("Fetch the files of one sub-order (what Jobs run).")
    .argument("[arguments...]", "--order ID --sub-order N --attempt A")
    .helpOption(false)
    .allowUnknownOption()
    .action(async (args: readonly string[]) => {
      const [{ workerMain }, { traced }] = await Promise.all([
        import("#worker/main.ts"),
        import("../traces/worker.ts"),
      ]);
      process.exit(await traced(process.env, () => workerMain(args, process.env)));
    });
}
