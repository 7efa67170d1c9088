/**
 * Sends messages to webhooks, signed. Marked only after the receiver's answer: a sender that dies in between has the message sent again, with
 * the same id. Each request goes to an address that the guard has checked for it, and follows no redirect.
 */
import type { Logger } from "pino";
import { abortable, limited } from "#kube/pause.ts";
import type { Guard } from "#sources/guard/guard.ts";
import { requestChecked } from "#sources/request.ts";
import { retryAfterMs } from "#sources/retry-after.ts";
import type { Db } from "#store/db.ts";
import { claimDeliveries, type DueDelivery, endNotification, putOffNotification } from "#store/notifications/claim.ts";
import { readSettings } from "#store/settings.ts";
import { webhookFailed, webhookSucceeded } from "#store/webhooks.ts";
import { type Courier, startCourier } from "../courier.ts";
import { webhookGuard } from "./address.ts";
import { messageBody, messageId } from "./message.ts";
import { signedHeaders } from "./sign.ts";
import { judge, type Outcome, type Verdict } from "./verdict.ts";

export type WebhookSenderOptions = {
  readonly db: Db;
  readonly tenant: string;
  readonly now: () => Date;
  readonly random: () => number;
  readonly logger: Logger;
  readonly signal: AbortSignal;
};

const HANDS = 32;
/** Of one webhook at a time. */
const EACH = 4;
const ANSWER_MS = 15_000;
const LEASE_SECONDS = 60;
const HOUR_SECONDS = 3_600;

type Limits = { readonly guard: Guard; readonly giveUpSeconds: number; readonly disableSeconds: number };
type Item = { readonly due: DueDelivery; readonly limits: Limits };

export function startWebhookSender(options: WebhookSenderOptions): Courier {
  const { db, random, logger, signal } = options;
  return startCourier<Item>({
    name: "messages to webhooks",
    hands: HANDS,
    staleMs: (LEASE_SECONDS * 1000) / 2,
    claim: async (free, carried) => {
      const busy = [...new Set(carried.map(({ due }) => due.webhookId))];
      const items = await claimDeliveries(db, { limit: free, leaseSeconds: LEASE_SECONDS, each: EACH, busy });
      if (items.length === 0) return [];
      const limits = await readLimits(options);
      return items.map((due) => ({ due, limits }));
    },
    send: (item) => send(options, item),
    random,
    logger,
    signal,
  });
}

async function readLimits({ db, now }: WebhookSenderOptions): Promise<Limits> {
  const settings = await readSettings(db);
  return {
    guard: webhookGuard(settings, { now }),
    giveUpSeconds: settings.notification_retry_hours * HOUR_SECONDS,
    disableSeconds: settings.webhook_disable_after_hours * HOUR_SECONDS,
  };
}

async function send(options: WebhookSenderOptions, item: Item): Promise<void> {
  const { due, limits } = item;
  const outcome = await post(options, item);
  // Told to stop in the middle of it: the claim runs out, and another sends it.
  if (outcome === undefined) return;
  const verdict = judge(outcome, { attempts: due.attempts, failures: due.failures, random: options.random });
  await settle(options, due, { verdict, limits });
}

async function post(o: WebhookSenderOptions, { due, limits }: Item): Promise<Outcome | undefined> {
  const { guard } = limits;
  const at = o.now();
  const id = messageId(due);
  const body = messageBody(due, o.tenant);
  const secrets = [due.secret, ...(due.previousSecret === undefined ? [] : [due.previousSecret])];
  try {
    return await limited(ANSWER_MS, [o.signal], async (signal) => {
      const url = guard.uri(due.url);
      const turn = due.attempts - 1;
      const target = url.kind === "refused" ? url : await abortable(guard.web(url.value, turn), signal);
      if (target.kind === "refused") return { kind: "unreachable", reason: target.reason };
      const headers = { "content-type": "application/json", ...signedHeaders({ id, at, body }, secrets) };
      const response = await requestChecked(target.value, { method: "POST", headers, body, signal });
      // What it has to say beside the status is of no use to us, and may be without end.
      await response.body?.cancel();
      const wait = retryAfterMs(response.headers.get("retry-after"), o.now());
      return { kind: "answered", status: response.status, ...(wait !== undefined && { retryAfterMs: wait }) };
    });
  } catch (error) {
    if (o.signal.aborted) return undefined;
    return { kind: "unreachable", reason: `Cannot reach the receiver: ${reasonOf(error)}` };
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "no connection";
  if (error.name === "TimeoutError") return `no answer within ${ANSWER_MS / 1000} s`;
  return "code" in error && typeof error.code === "string" ? error.code : "no connection";
}

type Settled = { readonly verdict: Verdict; readonly limits: Limits };

/** What the webhook's state says is written first: dead after it, we know the receiver's health, and the message is sent again. */
async function settle({ db, now, logger }: WebhookSenderOptions, due: DueDelivery, s: Settled): Promise<void> {
  const { verdict, limits } = s;
  const at = now();
  const log = logger.child({ webhook: due.webhookId, message: due.messageId, orderId: due.orderId });
  if (verdict.kind === "delivered") {
    await webhookSucceeded(db, due.webhookId);
    return await endNotification(db, due.id, { state: "delivered", answer: verdict.status, now: at });
  }
  if (verdict.kind === "gone") {
    const disable = { afterSeconds: 0, reason: verdict.error };
    await webhookFailed(db, due.webhookId, { disable, now: at });
    log.warn({ reason: verdict.error }, "Webhook is switched off");
    return await endNotification(db, due.id, { state: "failed", answer: 410, error: verdict.error, now: at });
  }
  const { seconds, restSeconds, status, error } = verdict;
  const hours = limits.disableSeconds / HOUR_SECONDS;
  const disable = { afterSeconds: limits.disableSeconds, reason: `Failed for more than ${hours} h. ${error}` };
  const isOff = await webhookFailed(db, due.webhookId, {
    disable,
    now: at,
    ...(restSeconds !== undefined && { restSeconds }),
  });
  if (isOff) log.warn({ reason: disable.reason }, "Webhook is switched off");
  const answer = status === undefined ? {} : { answer: status };
  if (at.getTime() - due.createdAt.getTime() >= limits.giveUpSeconds * 1000) {
    log.warn({ reason: error }, "Message to a webhook is given up");
    return await endNotification(db, due.id, { state: "failed", error, now: at, ...answer });
  }
  await putOffNotification(db, due, { seconds, error, ...answer });
}
