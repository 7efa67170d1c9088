/**
 * One mail over SMTP, on a connection of its own, and what the server's answer means: a refusal for good (5xx to the receiver or the mail), one
 * for now (4xx), or that no mail can be sent at all (no connection, no login, the sender refused), which is not the mail's fault.
 */
import { createTransport } from "nodemailer";
import { limited } from "#kube/pause.ts";
import type { MailConfig } from "./config.ts";

export type Mail = {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  /** Without angle brackets; the same whenever it is sent. */
  readonly messageId: string;
  readonly date: Date;
};

export type SmtpOutcome =
  | { readonly kind: "sent" }
  | { readonly kind: "refused"; readonly forGood: boolean; readonly answer: number; readonly reason: string }
  | { readonly kind: "noServer"; readonly answer?: number; readonly reason: string };

export type Smtp = { send(mail: Mail, signal: AbortSignal): Promise<SmtpOutcome> };

const CONNECT_MS = 10_000;
const SILENCE_MS = 20_000;
/** A server that drips keeps the connection alive, not the mail. */
const MAIL_MS = 60_000;

export function openSmtp(config: MailConfig): Smtp {
  const { host, port, secure, user, password, ca } = config;
  const transport = createTransport({
    host,
    port,
    secure,
    requireTLS: config.requireTls && !secure,
    ...(user !== undefined && { auth: { user, pass: password ?? "" }, forceAuth: true }),
    ...(ca !== undefined && { tls: { ca } }),
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    dnsTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send({ to, messageId, ...mail }, signal) {
      try {
        await limited(MAIL_MS, [signal], (limit) =>
          transport.sendMail({
            ...mail,
            from: config.from,
            ...(config.replyTo !== undefined && { replyTo: config.replyTo }),
            to: { name: "", address: to },
            messageId: `<${messageId}>`,
            headers: { "Auto-Submitted": "auto-generated" },
            signal: limit,
          }),
        );
        return { kind: "sent" };
      } catch (error) {
        if (signal.aborted) throw error;
        return outcomeOf(error);
      }
    },
  };
}

/** Phases of a session in which a refusal concerns this mail only. */
const OF_THE_MAIL: readonly unknown[] = ["RCPT TO", "DATA"];

function outcomeOf(error: unknown): SmtpOutcome {
  const { code, command, responseCode, response } = error as Readonly<Record<string, unknown>>;
  const answer = typeof responseCode === "number" ? responseCode : undefined;
  const said = typeof response === "string" && response !== "" ? response : String(code ?? "no connection");
  const reason = `The mail server ${answer === undefined ? "cannot be used" : "refused"}: ${said.slice(0, 500)}`;
  if (answer !== undefined && OF_THE_MAIL.includes(command)) {
    return { kind: "refused", forGood: answer >= 500, answer, reason };
  }
  return { kind: "noServer", reason, ...(answer !== undefined && { answer }) };
}
