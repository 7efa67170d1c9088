/**
 * What `start` runs with: options over environment over defaults (the names are those of the README), made absolute and checked
 * before anything is started.
 */
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type Issuer, readIssuers } from "#api/auth/issuers.ts";
import { type MailConfig, readMailConfig } from "#api/notify/mail/config.ts";

export type LocalOptions = {
  readonly home: string;
  readonly tenant: string;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly kubePort: number;
  readonly publicUrl?: string;
};

export type LocalConfig = LocalOptions & {
  /** Set: this PostgreSQL is used instead of an own one. */
  readonly databaseUrl?: string;
  readonly blobsUrl: string;
  readonly prefix: string;
  readonly namespace: string;
  /** Set: tokens are signed with it; else with a secret that is kept in the home. */
  readonly jwtSecret?: string;
  readonly kubeconfig: string;
  readonly issuers: readonly Issuer[];
  /** Absent: no mails are sent. */
  readonly mail?: MailConfig;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** The configuration of one `start`. */
export function readConfig(options: LocalOptions, env: Environment): LocalConfig {
  const home = resolve(options.home);
  const mail = readMailConfig(env);
  const publicUrl = options.publicUrl ?? env["ORDER_PUBLIC_URL"];
  return {
    ...options,
    home,
    ...(publicUrl !== undefined && { publicUrl: checkUrl(publicUrl, "public URL") }),
    ...(env["ORDER_DATABASE_URL"] && { databaseUrl: env["ORDER_DATABASE_URL"] }),
    ...(mail && { mail }),
    ...(env["ORDER_JWT_SECRET"] && { jwtSecret: env["ORDER_JWT_SECRET"] }),
    blobsUrl: env["ORDER_BLOBS_URL"] ?? pathToFileURL(join(home, "blobs")).href,
    prefix: env["ORDER_PREFIX"] ?? "/api/v1/rs-order",
    namespace: env["ORDER_NAMESPACE"] ?? options.tenant,
    issuers: readIssuers(env["ORDER_OIDC_ISSUERS"]),
    kubeconfig: resolve(env["ORDER_KUBECONFIG"] ?? join(home, "kubeconfig")),
  };
}

function checkUrl(text: string, what: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:") {
    throw new Error(`Cannot use '${text}' as ${what}: an http or https URL is needed`);
  }
  return text.replace(/\/+$/, "");
}

/** What a worker has no use for. */
const SECRETS: readonly string[] = [
  "ORDER_JWT_SECRET",
  "ORDER_AMQP_URL",
  "ORDER_OIDC_ISSUERS",
  "ORDER_SMTP_URL",
  "ORDER_DELIVERY_S3_SECRET_ACCESS_KEY",
];

/** Variables for the worker processes: those of ours that `start` was given, and what it found out itself. */
export function workerEnvironment(
  config: LocalConfig,
  o: { databaseUrl: string; env: Environment },
): Readonly<Record<string, string>> {
  const given = Object.entries(o.env).filter((entry): entry is [string, string] => {
    return entry[0].startsWith("ORDER_") && entry[1] !== undefined && !SECRETS.includes(entry[0]);
  });
  return {
    ...Object.fromEntries(given),
    ORDER_HOME: config.home,
    ORDER_TENANT: config.tenant,
    ORDER_DATABASE_URL: o.databaseUrl,
    ORDER_BLOBS_URL: config.blobsUrl,
    ORDER_PREFIX: config.prefix,
  };
}
