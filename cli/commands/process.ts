/** `process list`: the programs that the signed-in user may have run on ordered files. */
import { Command } from "commander";
import type { ProcessView } from "../client/rest.ts";
import { grouped, humanSize } from "../output/human.ts";
import { table } from "../output/table.ts";
import { client, printJson } from "./order/common.ts";

export function processCommand(): Command {
  const command = new Command("process").description("Processes that an administrator approved (sign in first).");
  return command.addCommand(listCommand());
}

function listCommand(): Command {
  return new Command("list")
    .description("List those that you may order, with their parameters: a * marks those that must be given.")
    .option("--json", "print JSON, the schemas of the parameters whole")
    .action(async (options: { json?: boolean }) => {
      const processes = await client().processes();
      if (options.json) return printJson(processes);
      if (processes.length === 0) return void process.stderr.write("No processes.\n");
      process.stdout.write(`${processTable(processes)}\n`);
    });
}

function processTable(processes: readonly ProcessView[]): string {
  return table(processes, [
    { title: "NAME", cell: ({ name }) => name },
    { title: "TITLE", max: 36, cell: ({ title }) => title ?? "" },
    { title: "RUNS", cell: ({ scope }) => (scope === "Product" ? "per product" : "per sub-order") },
    { title: "INPUTS", cell: ({ inputs }) => inputs.join(",") },
    { title: "LIMITS", cell: limitsText },
    { title: "DATASETS", max: 36, cell: ({ datasets }) => datasets?.join(", ") ?? "all" },
    { title: "PARAMETERS", cell: parametersText },
  ]);
}

function limitsText({ limits = {} }: ProcessView): string {
  const { files, products, bytes, forbidSplit } = limits;
  const parts = [
    ...(products ? [`${grouped(products)} products`] : []),
    ...(files ? [`${grouped(files)} files`] : []),
    ...(bytes ? [humanSize(bytes)] : []),
  ];
  return `${parts.join(", ")}${parts.length > 0 && forbidSplit ? " in all" : ""}`;
}

/** `width*, mode`. */
function parametersText({ parameters = {} }: ProcessView): string {
  const { properties = {}, required = [] } = parameters;
  return Object.keys(properties)
    .map((name) => (required.includes(name) ? `${name}*` : name))
    .join(", ");
}
