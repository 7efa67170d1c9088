/** `amqp`: the role that takes requests from a broker and sends the answers, and what an administrator does with messages that were put aside. */
import { Command, InvalidArgumentError } from "commander";
import { Failure } from "../failure.ts";
import { withTenant } from "../home.ts";
import { table } from "../output/table.ts";

const HELP = `
Environment:
  ORDER_AMQP_URL       the broker: amqp://user:password@host:port/vhost (vhost: regards.multitenant.manager)
  ORDER_DATABASE_URL   the PostgreSQL of the tenant
  ORDER_KUBECONFIG     how to reach Kubernetes; without it: as a pod of the cluster
  ORDER_NAMESPACE      Kubernetes namespace (the tenant's name)
  ORDER_HEALTH_PORT    port of /healthz and /readyz, not for users (9080)
  ORDER_DELIVERY_URL   take delivery requests too, and bring archives to s3://bucket/prefix; with the variables
                       ORDER_DELIVERY_S3_ENDPOINT, _REGION, _ACCESS_KEY_ID, _SECRET_ACCESS_KEY (or those of ORDER_S3),
                       ORDER_BLOBS_URL and ORDER_PUBLIC_URL

Examples:
  $ regards-order amqp                                    take requests until it is told to stop
  $ regards-order amqp dead-letters list
  $ regards-order amqp dead-letters requeue 3f2a9c01d4e5
  $ regards-order amqp dead-letters drop --all`;

type TenantOptions = { readonly tenant: string };

export function amqpCommand(): Command {
  const command = withTenant(new Command("amqp"))
    .description("Take order requests over AMQP and send the answers.")
    .action(async (options: TenantOptions) => {
      const [{ runRole }, { amqpRole }] = await Promise.all([import("../roles/role.ts"), import("../roles/amqp.ts")]);
      process.exit(await runRole(amqpRole(process.env), options.tenant, process.env));
    });
  const aside = new Command("dead-letters").description("Messages that nobody could be answered for.");
  for (const one of [list(), requeue(), drop()]) aside.addCommand(withTenant(one));
  return command.addCommand(aside).addHelpText("after", HELP);
}

function list(): Command {
  return new Command("list")
    .description("List them, with the reason.")
    .option("--limit <number>", "at most so many of each queue", count, 100)
    .option("--json", "print JSON")
    .action(async (options: TenantOptions & { limit: number; json?: boolean }) => {
      const { listDeadLetters } = await import("#api/amqp/dead-letters.ts");
      const letters = await onQueues(options, (connection, queue) => listDeadLetters(connection, queue, options.limit));
      if (options.json) return void process.stdout.write(`${JSON.stringify(letters.flat(), null, 2)}\n`);
      const text = table(letters.flat(), [
        { title: "ID", cell: ({ id }) => id },
        { title: "TIME", cell: ({ time }) => time ?? "" },
        { title: "BYTES", align: "right", cell: ({ bytes }) => String(bytes) },
        { title: "REASON", max: 60, cell: ({ reason }) => reason },
        { title: "CONTENT", max: 60, cell: ({ content }) => content },
      ]);
      process.stdout.write(`${text}\n`);
    });
}

type Choice = TenantOptions & { readonly all?: boolean };

function requeue(): Command {
  return choosing("requeue", "Put them back into the queue they came from.").action(
    async (ids: readonly string[], options: Choice) => {
      const { requeueDeadLetters } = await import("#api/amqp/dead-letters.ts");
      const chosen = choose(ids, options);
      const counts = await onQueues(options, (connection, queue) => requeueDeadLetters(connection, queue, chosen));
      report(counts, "put back");
    },
  );
}

function drop(): Command {
  return choosing("drop", "Remove them for good.").action(async (ids: readonly string[], options: Choice) => {
    const { dropDeadLetters } = await import("#api/amqp/dead-letters.ts");
    const chosen = choose(ids, options);
    report(await onQueues(options, (connection, queue) => dropDeadLetters(connection, queue, chosen)), "removed");
  });
}

function choosing(name: string, description: string): Command {
  return new Command(name).description(description).argument("[ids...]", "which ones").option("--all", "all of them");
}

function choose(ids: readonly string[], { all }: Choice): readonly string[] | "all" {
  if (all) return "all";
  if (ids.length === 0) throw new Failure("Name the messages by their ids, or say --all", { code: 2 });
  return ids;
}

function report(counts: readonly number[], what: string): void {
  const total = counts.reduce((sum, n) => sum + n, 0);
  process.stdout.write(`${total} ${total === 1 ? "message" : "messages"} ${what}\n`);
}

function count(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError("A number above 0 is needed.");
  return Number(text);
}

type Act<T> = (connection: import("amqplib").ChannelModel, queue: string) => Promise<T>;

/** For each queue of the tenant. */
async function onQueues<T>({ tenant }: TenantOptions, act: Act<T>): Promise<readonly T[]> {
  const [{ connect }, { queueNames }, { brokerUrl }] = await Promise.all([
    import("amqplib"),
    import("#api/amqp/names.ts"),
    import("#api/amqp/topology.ts"),
  ]);
  const url = process.env["ORDER_AMQP_URL"];
  if (!url) throw new Failure("Cannot reach the broker: ORDER_AMQP_URL is not set");
  const connection = await connect(brokerUrl(url)).catch((error: unknown) => {
    throw new Failure("Cannot reach the broker", { cause: error });
  });
  connection.on("error", () => {});
  try {
    const results: T[] = [];
    for (const queue of Object.values(queueNames(tenant))) results.push(await act(connection, queue));
    return results;
  } finally {
    await connection.close();
  }
}
