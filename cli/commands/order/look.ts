/** `order get` and `order watch`: how one order stands, once or until it has ended. */

import { Command } from "commander";
import { isFinal, isGivenBack } from "#crds/files.ts";
import type { FailedFile, OrderView, RestClient } from "../../client/rest.ts";
import { grouped, humanSize, humanTime } from "../../output/human.ts";
import { pairs, table } from "../../output/table.ts";
import { client, orderId, printJson } from "./common.ts";
import { contents, followOrder } from "./follow.ts";

/** Failed files that are named with their reason. */
const FAILURES = 5;

export function getCommand(): Command {
  return new Command("get")
    .description("Show one order.")
    .argument("<id>", "number of the order", orderId)
    .option("--json", "print JSON")
    .action(async (id: number, options: { json?: boolean }) => {
      const service = client();
      const order = await service.order(id);
      if (options.json) printJson(order);
      else await show(service, order);
    });
}

export function watchCommand(): Command {
  return new Command("watch")
    .description("Follow one order until it has ended.")
    .argument("<id>", "number of the order", orderId)
    .action(async (id: number) => {
      const service = client();
      await show(service, await followOrder(service, id, { until: ({ status }) => isFinal(status) }));
    });
}

async function show(service: RestClient, order: OrderView): Promise<void> {
  process.stdout.write(`${describeOrder(order, new Date())}\n`);
  const failures = order.filesInErrorCount > 0 && !isGivenBack(order.status) ? await failuresOf(service, order) : [];
  if (failures.length > 0) process.stdout.write(`\n${describeFailures(failures)}\n`);
}

/** The first few files that could not be had. */
async function failuresOf(service: RestClient, order: OrderView): Promise<readonly FailedFile[]> {
  const failures: FailedFile[] = [];
  for (const { id } of order.datasetTasks) {
    if (failures.length >= FAILURES) break;
    failures.push(...(await service.failedFiles(order.id, { dataset: id, size: FAILURES })));
  }
  return failures.slice(0, FAILURES);
}

function describeFailures(failures: readonly FailedFile[]): string {
  return table(failures, [
    { title: "FAILED FILE", max: 50, cell: (file) => file.filename },
    { title: "WHY", cell: (file) => file.downloadError ?? "" },
  ]);
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
