/** `start`: the whole service on this machine, until it is told to stop. */
import { Command, InvalidArgumentError } from "commander";
import type { LocalOptions } from "#local/config.ts";
import { withHome } from "../home.ts";

const HELP = `
Prints \`ready URL\` once orders can be made; Ctrl-C stops everything in order, a second time at once.

Environment:
  ORDER_DATABASE_URL   use this PostgreSQL (10 or newer) instead of an own one
  ORDER_BLOBS_URL      where fetched files are kept: file:///folder or s3://bucket/prefix
  ORDER_S3_ENDPOINT, ORDER_S3_REGION, ORDER_S3_ACCESS_KEY_ID, ORDER_S3_SECRET_ACCESS_KEY
  ORDER_AMQP_URL       take requests from this broker too: amqp://user:password@host:port/vhost
  ORDER_SMTP_URL       send mails through this server: smtp://user:password@host:587 (STARTTLS), smtps://…:465
                       (…?tls=optional: also without TLS)
  ORDER_MAIL_FROM      sender of the mails, ORDER_MAIL_REPLY_TO where answers go
  ORDER_SMTP_CA        trust the certificate authorities in this PEM file
  ORDER_DELIVERY_URL   take delivery requests over AMQP, and bring archives to s3://bucket/prefix; with the variables
                       ORDER_DELIVERY_S3_ENDPOINT, _REGION, _ACCESS_KEY_ID, _SECRET_ACCESS_KEY, or else those of ORDER_S3
  ORDER_JWT_SECRET     sign tokens with this secret instead of one kept in the home
  ORDER_OIDC_ISSUERS   take tokens of these issuers too: [{"issuer":"https://…","audience":"…"}] (docs/tokens.md)
  ORDER_PREFIX         path of the order service (/api/v1/rs-order)
  ORDER_NAMESPACE      Kubernetes namespace (the tenant's name)
  ORDER_KUBECONFIG     where the kubeconfig is written (HOME/kubeconfig)
  ORDER_LOG_LEVEL      debug, info, warn or error (info)

Examples:
  $ regards-order start
  $ regards-order start --home /srv/orders --host 0.0.0.0 --public-url https://orders.example.org
  $ kubectl --kubeconfig .regards-order/kubeconfig get orders`;

export function startCommand(): Command {
  const environment = process.env;
  return withHome(new Command("start"))
    .description("Run the whole service on this machine: database, Kubernetes API, operator, REST API.")
    .option("--host <address>", "where the REST API listens (ORDER_HOST)", environment["ORDER_HOST"] ?? "127.0.0.1")
    .option(
      "--port <number>",
      "its port, 0 for any free one (ORDER_PORT)",
      port,
      port(environment["ORDER_PORT"] ?? "9043"),
    )
    .option(
      "--kube-port <number>",
      "port of the Kubernetes API, on the loopback (ORDER_KUBE_PORT)",
      port,
      port(environment["ORDER_KUBE_PORT"] ?? "9443"),
    )
    .option("--public-url <url>", "start of the links that users get (ORDER_PUBLIC_URL)")
    .addHelpText("after", HELP)
    .action(async (options: LocalOptions) => {
      const { runStart } = await import("#local/run.ts");
      process.exit(await runStart(options, process.env));
    });
}

function port(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) throw new InvalidArgumentError("A port number is needed.");
  return Number(text);
}
