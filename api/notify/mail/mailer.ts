/**
 * Sends mails. Marked only after the server has taken one: a mailer that dies in between has it sent again, with the same Message-ID. While no mail
 * can be sent at all, one is tried from time to time instead of all of them.
 */
import type { Logger } from "pino";
import { backoffMs } from "#kube/pause.ts";
import { claimMails, type DueNotification, endNotification, putOffNotification } from "#store/notifications/claim.ts";
import { readSettings } from "#store/settings.ts";
import { type Courier, startCourier } from "../courier.ts";
import { composeFor, type MailDeps } from "./message.ts";
import type { Smtp, SmtpOutcome } from "./smtp.ts";

export type MailerOptions = MailDeps & {
  readonly smtp: Smtp;
  readonly now: () => Date;
  readonly random: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

const HANDS = 4;
const LEASE_SECONDS = 120;
const MAIL_PAUSES = { firstMs: 30_000, longestMs: 3_600_000 };
const SERVER_PAUSES = { firstMs: 1_000, longestMs: 300_000 };
const HOUR_MS = 3_600_000;

/** Of the server, in this process: how often in a row it could not be used, and until when it is left alone. */
type Server = { failures: number; restUntil: number };

export function startMailer(options: MailerOptions): Courier {
  const { db, random, logger, signal } = options;
  const server: Server = { failures: 0, restUntil: 0 };
  return startCourier<DueNotification>({
    name: "mails",
    hands: HANDS,
    staleMs: LEASE_SECONDS * 250,
    claim: async (free, carried) => {
      if (performance.now() < server.restUntil) return [];
      const limit = server.failures === 0 ? free : 1 - carried.length;
      return limit > 0 ? await claimMails(db, { limit, leaseSeconds: LEASE_SECONDS }) : [];
    },
    send: (due) => send(options, server, due),
    random,
    logger,
    signal,
  });
}

async function send(options: MailerOptions, server: Server, due: DueNotification): Promise<void> {
  const { db, smtp, now, signal } = options;
  const composed = await composeFor(options, due);
  if (composed.kind === "none") {
    return await endNotification(db, due.id, { state: "skipped", error: composed.reason, now: now() });
  }
  const outcome = await smtp.send(composed.mail, signal);
  noteHealth(options, server, outcome);
  if (outcome.kind === "sent") return await endNotification(db, due.id, { state: "delivered", now: now() });
  await failed(options, due, { outcome, server });
}

function noteHealth({ random, logger }: MailerOptions, server: Server, outcome: SmtpOutcome): void {
  if (outcome.kind !== "noServer") {
    server.failures = 0;
    return;
  }
  server.failures++;
  server.restUntil = performance.now() + backoffMs(server.failures, { ...SERVER_PAUSES, random });
  logger.warn({ reason: outcome.reason, failures: server.failures }, "cannot send mails now");
}

type Failed = { readonly outcome: Exclude<SmtpOutcome, { kind: "sent" }>; readonly server: Server };

async function failed({ db, now, random, logger }: MailerOptions, due: DueNotification, f: Failed): Promise<void> {
  const { outcome, server } = f;
  const { notification_retry_hours: hours } = await readSettings(db);
  const isOld = now().getTime() - due.createdAt.getTime() >= hours * HOUR_MS;
  const answer = outcome.answer === undefined ? {} : { answer: outcome.answer };
  if (isOld || (outcome.kind === "refused" && outcome.forGood)) {
    logger.warn({ message: due.messageId, orderId: due.orderId, reason: outcome.reason }, "Mail is given up");
    return await endNotification(db, due.id, { state: "failed", error: outcome.reason, now: now(), ...answer });
  }
  const ms = outcome.kind === "refused" ? backoffMs(due.attempts, { ...MAIL_PAUSES, random }) : restMs(server);
  await putOffNotification(db, due, { seconds: ms / 1000, error: outcome.reason, ...answer });
}

function restMs({ restUntil }: Server): number {
  return Math.max(0, restUntil - performance.now());
}
