/** `order get` and `order watch`: how one order stands, once or until it has ended. */
import { Command } from "commander";
import type { OrderView } from "../../client/rest.ts";
import { grouped, humanSize, humanTime } from "../../output/human.ts";
import { pairs, table } from "../../output/table.ts";
import { client, isFinal, orderId, printJson } from "./common.ts";
import { contents, followOrder } from "./follow.ts";

export function getCommand(): Command {
  return new Command("get")
    .description("Show one order.")
    .argument("<id>", "number of the order", orderId)
    .option("--json", "print JSON")
    .action(async (id: number, options: { json?: boolean }) => {
      const order = await client().order(id);
      if (options.json) printJson(order);
      else process.stdout.write(`${describeOrder(order, new Date())}\n`);
    });
}

export function watchCommand(): Command {
  return new Command("watch")
    .description("Follow one order until it has ended.")
    .argument("<id>", "number of the order", orderId)
    .action(async (id: number) => {
      const order = await followOrder(client(), id, { until: ({ status }) => isFinal(status) });
      process.stdout.write(`${describeOrder(order, new Date())}\n`);
    });
}

function describeOrder(order: OrderView, now: Date): string {
  const { files, size } = contents(order);
  const head = pairs([
    ["Order", String(order.id)],
    ["Label", order.label],
    ["Owner", order.owner],
    ["Status", order.status],
    ["Progress", `${order.percentCompleted} %`],
    ["Files", `${grouped(files)} (${humanSize(size)})`],
    ["Ready", `${grouped(order.availableFilesCount)} not downloaded yet`],
    ["Failed", order.filesInErrorCount > 0 ? grouped(order.filesInErrorCount) : undefined],
    ["Created", humanTime(order.creationDate, now)],
    ["Expires", order.expirationDate && humanTime(order.expirationDate, now)],
    ["Message", order.message],
  ]);
  if (order.datasetTasks.length === 0) return head;
  const datasets = table(order.datasetTasks, [
    { title: "DATASET", max: 50, cell: (dataset) => dataset.datasetLabel },
    { title: "PRODUCTS", align: "right", cell: (dataset) => grouped(dataset.objectsCount) },
    { title: "FILES", align: "right", cell: (dataset) => grouped(dataset.filesCount) },
    { title: "SIZE", align: "right", cell: (dataset) => humanSize(dataset.filesSize) },
  ]);
  return `${head}\n\n${datasets}`;
}
