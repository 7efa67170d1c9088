/** Where mails are sent from and through, as the environment says. Without a server there are no mails. */
import { readFileSync } from "node:fs";

export type MailConfig = {
  readonly host: string;
  readonly port: number;
  /** TLS from the first byte; else it is begun by STARTTLS. */
  readonly secure: boolean;
  /** Never without TLS. */
  readonly requireTls: boolean;
  readonly user?: string;
  readonly password?: string;
  /** Certificate authorities (PEM) to trust instead of the system's. */
  readonly ca?: string;
  readonly from: string;
  readonly replyTo?: string;
};

type Environment = Readonly<Record<string, string | undefined>>;

const PORTS = { "smtp:": 587, "smtps:": 465 } as const;

/** Throws a sentence where a variable cannot be used. */
export function readMailConfig(env: Environment): MailConfig | undefined {
  const text = env["ORDER_SMTP_URL"];
  if (!text) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url?.hostname || (url.protocol !== "smtp:" && url.protocol !== "smtps:")) {
    throw new Error("Cannot use ORDER_SMTP_URL: expected smtp://[user:password@]host[:port] or smtps://…");
  }
  const from = env["ORDER_MAIL_FROM"];
  if (!from) throw new Error("Cannot send mails: ORDER_MAIL_FROM is not set");
  const user = decodeURIComponent(url.username);
  const tls = url.searchParams.get("tls");
  if (tls !== null && tls !== "required" && tls !== "optional") {
    throw new Error("Cannot use ORDER_SMTP_URL: expected tls=required or tls=optional");
  }
  const ca = env["ORDER_SMTP_CA"];
  const replyTo = env["ORDER_MAIL_REPLY_TO"];
  return {
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port: url.port === "" ? PORTS[url.protocol] : Number(url.port),
    secure: url.protocol === "smtps:",
    // A password is not sent for all to read, unless that is wanted.
    requireTls: tls === "required" || (tls === null && user !== ""),
    ...(user !== "" && { user, password: decodeURIComponent(url.password) }),
    ...(ca && { ca: readFileSync(ca, "utf8") }),
    from,
    ...(replyTo && { replyTo }),
  };
}
