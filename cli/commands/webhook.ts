/** `webhook …`: addresses that are told of the signed-in user's orders. A secret is printed when it is made and never again. */
import { Command, InvalidArgumentError } from "commander";
import { table } from "../output/table.ts";
import { client, printJson } from "./order/common.ts";

const HELP = `
Kinds: GRANTED, SUBORDER_DONE, DONE, FAILED, PAUSED, RESUMED, RETRIED, CANCELLED, REMINDER, EXPIRES_SOON, EXPIRED, DELETED.

Examples:
  $ regards-order webhook add https://receiver.example.org/orders --kinds SUBORDER_DONE,DONE,FAILED
  $ regards-order webhook ping 1
  $ regards-order webhook deliveries 1
  $ regards-order webhook replay 1 --order 12`;

const ENDS = ["DONE", "FAILED"];

type WebhookView = {
  readonly id: number;
  readonly owner?: string;
  readonly url: string;
  readonly kinds: readonly string[];
  readonly active: boolean;
  readonly disabledReason?: string;
  readonly failingSince?: string;
};
type DeliveryView = {
  readonly id: string;
  readonly orderId?: number;
  readonly kind: string;
  readonly state: string;
  readonly attempts: number;
  readonly answer?: number;
  readonly lastError?: string;
};
type JsonOption = { readonly json?: boolean };

export function webhookCommand(): Command {
  const command = new Command("webhook").description("Addresses that are told of your orders.");
  for (const one of [add(), list(), remove(), secret(), ping(), replay(), deliveries()]) command.addCommand(one);
  return command.addHelpText("after", HELP);
}

function numbered(name: string, description: string): Command {
  return new Command(name).description(description).argument("<id>", "number of the webhook", webhookId);
}

function add(): Command {
  return new Command("add")
    .description("Have an address told; prints the secret that signs the messages.")
    .argument("<url>")
    .option("--kinds <kinds>", "what of, with commas between", (text: string) => text.split(","), ENDS)
    .option("--description <text>")
    .option("--tenant", "of everybody's orders (administrators)")
    .action(async (url: string, options: { kinds: string[]; description?: string; tenant?: boolean }) => {
      const body = { url, ...options };
      const made = await client().ask("add the webhook", "/user/webhooks", { method: "POST", body });
      const { id, secret: shown } = made as { id: number; secret: string };
      process.stdout.write(`${id}\n${shown}\n`);
    });
}

function list(): Command {
  return new Command("list")
    .description("List them.")
    .option("--all", "everybody's and the tenant's (administrators)")
    .option("--json", "print JSON")
    .action(async ({ all, json }: JsonOption & { all?: boolean }) => {
      const rows = (await client().ask("list webhooks", `/user/webhooks${all ? "?all=true" : ""}`)) as WebhookView[];
      if (json) return printJson(rows);
      const text = table(rows, [
        { title: "ID", align: "right", cell: ({ id }) => String(id) },
        { title: "OWNER", cell: ({ owner }) => owner ?? "(tenant)" },
        { title: "URL", max: 60, cell: ({ url }) => url },
        { title: "KINDS", max: 40, cell: ({ kinds }) => kinds.join(",") },
        { title: "STATE", max: 60, cell: stateText },
      ]);
      process.stdout.write(`${text}\n`);
    });
}

function stateText({ active, disabledReason, failingSince }: WebhookView): string {
  if (!active) return `off${disabledReason ? `: ${disabledReason}` : ""}`;
  return failingSince ? `failing since ${failingSince}` : "on";
}

function remove(): Command {
  return numbered("remove", "Remove it and what it would still be told.").action(async (id: number) => {
    await client().ask(`remove webhook ${id}`, `/user/webhooks/${id}`, { method: "DELETE" });
    process.stdout.write(`webhook ${id} removed\n`);
  });
}

function secret(): Command {
  return numbered("secret", "Give it a new secret and print it; the one before signs too for a day.").action(
    async (id: number) => {
      const changed = await client().ask(`change webhook ${id}`, `/user/webhooks/${id}/secret`, { method: "POST" });
      process.stdout.write(`${(changed as { secret: string }).secret}\n`);
    },
  );
}

function ping(): Command {
  return numbered("ping", "Send it a test message.").action(async (id: number) => {
    const sent = await client().ask(`ping webhook ${id}`, `/user/webhooks/${id}/ping`, { method: "POST" });
    process.stdout.write(`${(sent as { id: string }).id}\n`);
  });
}

function replay(): Command {
  return numbered("replay", "Send it messages again.")
    .option("--since <id>", "those after this message")
    .option("--order <id>", "those of this order", webhookId)
    .action(async (id: number, { since, order }: { since?: string; order?: number }) => {
      const body = { ...(since !== undefined && { since }), ...(order !== undefined && { orderId: order }) };
      const path = `/user/webhooks/${id}/replay`;
      const answer = await client().ask(`replay to webhook ${id}`, path, { method: "POST", body });
      process.stdout.write(`${(answer as { queued: number }).queued} messages\n`);
    });
}

function deliveries(): Command {
  return numbered("deliveries", "What became of its last messages.")
    .option("--json", "print JSON")
    .action(async (id: number, { json }: JsonOption) => {
      const page = await client().ask(`list messages of webhook ${id}`, `/user/webhooks/${id}/deliveries?size=100`);
      const rows = (page as { content: DeliveryView[] }).content;
      if (json) return printJson(rows);
      process.stdout.write(`${deliveryTable(rows)}\n`);
    });
}

function deliveryTable(rows: readonly DeliveryView[]): string {
  return table(rows, [
    { title: "MESSAGE", cell: ({ id }) => id },
    { title: "ORDER", align: "right", cell: ({ orderId }) => String(orderId ?? "") },
    { title: "KIND", cell: ({ kind }) => kind },
    { title: "STATE", cell: ({ state }) => state },
    { title: "TRIES", align: "right", cell: ({ attempts }) => String(attempts) },
    { title: "ANSWER", align: "right", cell: ({ answer }) => String(answer ?? "") },
    { title: "REASON", max: 60, cell: ({ lastError }) => lastError ?? "" },
  ]);
}

function webhookId(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError("A number is needed.");
  return Number(text);
}
