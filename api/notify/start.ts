/**
 * Tells of orders by mail and webhook, from the outbox. Any number of these may run for a tenant: routing takes turns, and a claim keeps a
 * notification to one sender. Mails and webhooks have senders of their own, so that neither waits for the other.
 */
import type { Logger } from "pino";
import { type Bell, createBell } from "#kube/bell.ts";
import { pause } from "#kube/pause.ts";
import { steadily } from "#kube/steadily.ts";
import { followChanges } from "#store/changes.ts";
import type { Db } from "#store/db.ts";
import { forgetNotifications } from "#store/notifications/read.ts";
import { hasUnrouted, routeMessages } from "#store/notifications/route.ts";
import { readSettings } from "#store/settings.ts";
import { orderTokenKey } from "../auth/order-tokens.ts";
import type { Courier } from "./courier.ts";
import type { MailConfig } from "./mail/config.ts";
import { startMailer } from "./mail/mailer.ts";
import { openSmtp } from "./mail/smtp.ts";
import { startWebhookSender } from "./webhooks/sender.ts";

export type NotifierOptions = {
  readonly db: Db;
  readonly config: {
    readonly tenant: string;
    /** As of the API: links start with them, and its secret makes the order's token. */
    readonly publicUrl: string;
    readonly prefix: string;
    readonly jwtSecret: string;
  };
  /** Absent: no mails. */
  readonly mail?: MailConfig;
  readonly now: () => Date;
  readonly random: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

export type Notifier = { readonly stopped: Promise<void> };

/** Answers to AMQP requests are not announced. */
const LOOK_EVERY_MS = 2_000;
const LOOK_AT_MOST_EVERY_MS = 20;
const FORGET_EVERY_MS = 3_600_000;
const REMEMBERED_MS = 30 * 24 * 3_600_000;

export function startNotifier(options: NotifierOptions): Notifier {
  const { config, mail } = options;
  const { tenant, publicUrl, prefix } = config;
  const links = { tenant, publicUrl, base: publicUrl + prefix };
  const orderTokens = orderTokenKey(tenant, config.jwtSecret);
  const couriers: readonly Courier[] = [
    startWebhookSender({ ...options, tenant }),
    ...(mail ? [startMailer({ ...options, ...links, orderTokens, smtp: openSmtp(mail) })] : []),
  ];
  const bell = createBell();
  const stopped = Promise.all([
    ...couriers.map((courier) => courier.stopped),
    route(options, bell, () => wakeAll(couriers)),
    follow(options, bell.ring),
    forget(options),
  ]).then(() => {});
  return { stopped };
}

function wakeAll(couriers: readonly Courier[]): void {
  for (const courier of couriers) courier.wake();
}

async function route(options: NotifierOptions, bell: Bell, wake: () => void): Promise<void> {
  const { db, mail, now, signal } = options;
  const look = async () => {
    if (await hasUnrouted(db)) {
      await routeMessages(db, { mail: mail !== undefined, settings: await readSettings(db), now: now() });
      wake();
    } else {
      await pause(LOOK_AT_MOST_EVERY_MS, signal);
      await bell.wait(LOOK_EVERY_MS, signal);
    }
  };
  await steadily(look, { ...options, what: "route messages" });
}

async function follow({ db, signal, logger }: NotifierOptions, wake: () => void): Promise<void> {
  const onFailure = (error: unknown) => logger.warn({ err: error }, "cannot follow changes yet");
  await followChanges(db, wake, { onGap: wake, onFailure, signal });
}

async function forget({ db, now, signal, logger }: NotifierOptions): Promise<void> {
  while (!signal.aborted) {
    try {
      await forgetNotifications(db, { endedBefore: new Date(now().getTime() - REMEMBERED_MS) });
    } catch (error) {
      if (!signal.aborted) logger.warn({ err: error }, "cannot forget old notifications now");
    }
    await pause(FORGET_EVERY_MS, signal).catch(() => {});
  }
}
