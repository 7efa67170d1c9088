/** `mail …`: the words of the tenant's mails and what became of each, in its database. What could not be rendered is refused before it is stored. */
import { readFileSync } from "node:fs";
import { Argument, Command, Option } from "commander";
import { removeTemplate, storedTemplate, storedTemplates, storeTemplate } from "#store/mail-templates.ts";
import { MAIL_KINDS, type MailKind } from "#store/notifications/kinds.ts";
import {
  listNotifications,
  NOTIFICATION_STATES,
  type NotificationState,
  retryMails,
} from "#store/notifications/read.ts";
import { readSettings } from "#store/settings.ts";
import { withDatabase } from "../database.ts";
import { Failure } from "../failure.ts";
import { type HomeOptions, withHome } from "../home.ts";
import { table } from "../output/table.ts";
import { orderId } from "./order/common.ts";

const HELP = `
Mails: ${MAIL_KINDS.join(", ")}. The setting mail_kinds says which are sent.

Examples:
  $ regards-order mail template show finished
  $ regards-order mail template set finished --subject 'Order {{order_id}} is ready' --text ready.txt --html ready.html
  $ regards-order mail template preview finished
  $ regards-order mail list --state failed
  $ regards-order mail retry                                    once the mail server works again`;

export function mailCommand(): Command {
  const template = new Command("template").description("The words of the mails.");
  for (const one of [templates(), show(), set(), reset(), preview()]) template.addCommand(withHome(one));
  return new Command("mail")
    .description("Mails that a tenant's users get.")
    .addCommand(template)
    .addCommand(withHome(list()))
    .addCommand(withHome(retry()))
    .addHelpText("after", HELP);
}

const kindArgument = () => new Argument("<mail>", "which mail").choices(MAIL_KINDS);

function templates(): Command {
  return new Command("list").description("List them.").action(async (options: HomeOptions) => {
    const [stored, { mail_kinds }] = await withDatabase(options, (db) =>
      Promise.all([storedTemplates(db), readSettings(db)]),
    );
    const rows = MAIL_KINDS.map((kind) => ({ kind, own: stored.find((one) => one.kind === kind) }));
    const text = table(rows, [
      { title: "MAIL", cell: ({ kind }) => kind },
      { title: "SENT", cell: ({ kind }) => (mail_kinds.includes(kind) ? "yes" : "no") },
      { title: "WORDS", cell: ({ own }) => (own ? `own, of ${own.updatedAt.toISOString()}` : "shipped") },
    ]);
    process.stdout.write(`${text}\n`);
  });
}

function show(): Command {
  return new Command("show")
    .description("Show its words, or one part of them as it is.")
    .addArgument(kindArgument())
    .addOption(new Option("--part <part>", "that part only").choices(["subject", "text", "html"]))
    .action(async (kind: MailKind, { part, ...options }: HomeOptions & { part?: "subject" | "text" | "html" }) => {
      const words = await wordsOf(options, kind);
      process.stdout.write(part === undefined ? shown(words) : words[part]);
    });
}

type SetOptions = HomeOptions & { readonly subject?: string; readonly text?: string; readonly html?: string };

function set(): Command {
  return new Command("set")
    .description("Change its words; what is not named stays as it is.")
    .addArgument(kindArgument())
    .option("--subject <template>", "one line")
    .option("--text <file>", "the plain text")
    .option("--html <file>", "the HTML")
    .action(async (kind: MailKind, options: SetOptions) => {
      const { templateProblems } = await import("#api/notify/mail/compose.ts");
      const words = await wordsOf(options, kind);
      const changed = {
        subject: options.subject ?? words.subject,
        text: options.text === undefined ? words.text : readFileSync(options.text, "utf8"),
        html: options.html === undefined ? words.html : readFileSync(options.html, "utf8"),
      };
      const problems = templateProblems(changed);
      if (problems.length > 0) throw new Failure(`Cannot store the template: ${problems.join("; ")}`, { code: 2 });
      await withDatabase(options, (db) => storeTemplate(db, kind, { ...changed, now: new Date() }));
      process.stdout.write(`${kind} is changed\n`);
    });
}

function reset(): Command {
  return new Command("reset")
    .description("Give it the shipped words again.")
    .addArgument(kindArgument())
    .action(async (kind: MailKind, options: HomeOptions) => {
      await withDatabase(options, (db) => removeTemplate(db, kind));
      process.stdout.write(`${kind} has the shipped words\n`);
    });
}

function preview(): Command {
  return new Command("preview")
    .description("Show it for an order that there never was.")
    .addArgument(kindArgument())
    .action(async (kind: MailKind, options: HomeOptions) => {
      const [{ composeMail }, { exampleOrder }, { placeholderValues }] = await Promise.all([
        import("#api/notify/mail/compose.ts"),
        import("#api/notify/mail/example.ts"),
        import("#api/notify/mail/placeholders.ts"),
      ]);
      const words = await wordsOf(options, kind);
      const order = { row: exampleOrder("alice@example.org", new Date()), token: "TOKEN" };
      const publicUrl = "https://orders.example.org";
      const links = { tenant: options.tenant, publicUrl, base: `${publicUrl}/api/v1/rs-order` };
      process.stdout.write(shown(composeMail(words, placeholderValues([order], links))));
    });
}

async function wordsOf(options: HomeOptions, kind: MailKind) {
  const { SHIPPED_TEMPLATES } = await import("#api/notify/mail/shipped.ts");
  const stored = await withDatabase(options, (db) => storedTemplate(db, kind));
  return stored ?? SHIPPED_TEMPLATES[kind];
}

function shown({ subject, text, html }: { subject: string; text: string; html: string }): string {
  return `Subject: ${subject}\n\n${text.trimEnd()}\n\n${html.trimEnd()}\n`;
}

function list(): Command {
  return new Command("list")
    .description("What became of the last mails.")
    .addOption(new Option("--state <state>", "only these").choices(NOTIFICATION_STATES))
    .option("--json", "print JSON")
    .action(async ({ state, json, ...options }: HomeOptions & { state?: NotificationState; json?: boolean }) => {
      const filter = { of: "mail", ...(state && { state }) } as const;
      const { rows } = await withDatabase(options, (db) => listNotifications(db, filter, { page: 0, size: 100 }));
      if (json) return void process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
      const text = table(rows, [
        { title: "TO", max: 40, cell: ({ target }) => target },
        { title: "ORDER", align: "right", cell: ({ orderId }) => String(orderId ?? "") },
        { title: "KIND", cell: ({ kind }) => kind },
        { title: "STATE", cell: (row) => row.state },
        { title: "TRIES", align: "right", cell: ({ attempts }) => String(attempts) },
        { title: "REASON", max: 60, cell: ({ lastError }) => lastError ?? "" },
      ]);
      process.stdout.write(`${text}\n`);
    });
}

function retry(): Command {
  return new Command("retry")
    .description("Try mails once more that were given up.")
    .option("--order <id>", "those of this order", orderId)
    .action(async ({ order, ...options }: HomeOptions & { order?: number }) => {
      const chosen = order === undefined ? {} : { orderId: order };
      const mails = await withDatabase(options, (db) => retryMails(db, { ...chosen, now: new Date() }));
      process.stdout.write(`${mails} mails\n`);
    });
}
