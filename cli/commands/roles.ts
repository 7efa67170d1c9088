/** `api`, `operator` and `migrate`: the roles of a cluster, configured by the environment alone, as containers are. */
import { Command } from "commander";
import { withTenant } from "../home.ts";

type TenantOptions = { readonly tenant: string };

const COMMON = `
Environment:
  ORDER_DATABASE_URL   the PostgreSQL of the tenant; its schema is brought up to date at the start
  ORDER_KUBECONFIG     how to reach Kubernetes; without it: as a pod of the cluster
  ORDER_NAMESPACE      Kubernetes namespace (the tenant's name)
  ORDER_BLOBS_URL      where fetched files are kept: file:///folder or s3://bucket/prefix
  ORDER_S3_ENDPOINT, ORDER_S3_REGION, ORDER_S3_ACCESS_KEY_ID, ORDER_S3_SECRET_ACCESS_KEY
  ORDER_PUBLIC_URL     start of the links that users get
  ORDER_PREFIX         path of the order service (/api/v1/rs-order)
  ORDER_HEALTH_PORT    port of /healthz and /readyz, not for users (9080)
  ORDER_LOG_LEVEL      debug, info, warn or error (info)
  OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS
                       send a trace of each order to this collector (OTLP over HTTP)`;

const API_HELP = `${COMMON}
  ORDER_JWT_SECRET     tokens are signed and checked with it
  ORDER_OIDC_ISSUERS   take tokens of these issuers too: [{"issuer":"https://…","audience":"…"}] (docs/tokens.md)
  ORDER_SMTP_URL       send mails through this server: smtp://user:password@host:587 (STARTTLS), smtps://…:465
  ORDER_MAIL_FROM, ORDER_MAIL_REPLY_TO, ORDER_SMTP_CA
  ORDER_HOST           where the REST API listens (0.0.0.0)
  ORDER_PORT           its port (9043)
  ORDER_DRAIN_SECONDS  how long it goes on answering after SIGTERM while it says that it is not ready (0)
  ORDER_STOP_SECONDS   how long answers that are under way may take then (30)`;

const OPERATOR_HELP = `${COMMON}
  ORDER_JOB_CONFIG     YAML or JSON file: what the pods of Jobs look like (image, env, resources, …)
  ORDER_LEASE_NAME     lease that says which of several operators acts (regards-order-operator)
  ORDER_POD_NAME       name in the lease (the host's)`;

const MIGRATE_HELP = `
Environment:
  ORDER_DATABASE_URL   the PostgreSQL of the tenant; one that is away is waited for`;

export function apiCommand(): Command {
  return withTenant(new Command("api"))
    .description("Serve the REST API in a cluster (any number of processes).")
    .addHelpText("after", API_HELP)
    .action(async ({ tenant }: TenantOptions) => {
      const [{ runRole }, { apiRole }] = await Promise.all([import("../roles/role.ts"), import("../roles/api.ts")]);
      process.exit(await runRole(apiRole(process.env), tenant, process.env));
    });
}

export function operatorCommand(): Command {
  return withTenant(new Command("operator"))
    .description("Carry out orders in a cluster (of several processes one acts).")
    .addHelpText("after", OPERATOR_HELP)
    .action(async ({ tenant }: TenantOptions) => {
      const [{ runRole }, { operatorRole }] = await Promise.all([
        import("../roles/role.ts"),
        import("../roles/operator.ts"),
      ]);
      process.exit(await runRole(operatorRole(process.env), tenant, process.env));
    });
}

export function migrateCommand(): Command {
  return withTenant(new Command("migrate"))
    .description("Bring the tenant's database up to date and end.")
    .addHelpText("after", MIGRATE_HELP)
    .action(async ({ tenant }: TenantOptions) => {
      const { runMigrate } = await import("../roles/migrate.ts");
      process.exit(await runMigrate(tenant, process.env));
    });
}
