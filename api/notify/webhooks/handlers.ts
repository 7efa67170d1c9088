/**
 * Webhooks over REST. What is not the caller's does not exist for them, except for administrators; the tenant's are administrators' alone. A
 * secret is in the answer that makes it and in no other.
 */
import { randomBytes } from "node:crypto";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import type { Resolve } from "#sources/guard/guard.ts";
import type { Db } from "#store/db.ts";
import { listNotifications } from "#store/notifications/read.ts";
import { readSettings } from "#store/settings.ts";
import {
  changeSecret,
  findWebhook,
  insertWebhook,
  listWebhooks,
  pingWebhook,
  removeWebhook,
  replayToWebhook,
  updateWebhook,
  type WebhookRow,
} from "#store/webhooks.ts";
import { isAdmin, mayManage } from "../../auth/principal.ts";
import { type Call, type Handler, idParam } from "../../http/call.ts";
import { checkedBody } from "../../http/check-body.ts";
import { pageBody, pageRequest } from "../../http/page.ts";
import { HttpProblem } from "../../http/problem.ts";
import { json, respond } from "../../http/respond.ts";
import { toNotificationDto } from "../notification-dto.ts";
import { addressRefusal, webhookGuard } from "./address.ts";
import { messageId, messageNumber } from "./message.ts";
import { ReplayRequest, WebhookRequest, WebhookUpdate } from "./schemas.ts";
import { newSecret } from "./sign.ts";

export type WebhookDeps = {
  readonly db: Db;
  /** Public address of the service with its prefix. */
  readonly base: string;
  readonly now: () => Date;
  readonly resolve?: Resolve;
};

const MOST_WEBHOOKS = 20;
const MOST_REPLAYED = 10_000;
const PREVIOUS_SECONDS = 24 * 3_600;

const requests = TypeCompiler.Compile(WebhookRequest);
const updates = TypeCompiler.Compile(WebhookUpdate);
const replays = TypeCompiler.Compile(ReplayRequest);

export type WebhookOperation =
  | "listWebhooks"
  | "createWebhook"
  | "getWebhook"
  | "updateWebhook"
  | "removeWebhook"
  | "changeWebhookSecret"
  | "pingWebhook"
  | "replayWebhook"
  | "listWebhookDeliveries";

export function webhookHandlers(deps: WebhookDeps): Readonly<Record<WebhookOperation, Handler>> {
  const { db, now } = deps;
  return {
    listWebhooks: async ({ principal, query }) => {
      const all = query.get("all") === "true" && isAdmin(principal);
      const rows = await listWebhooks(db, all ? {} : { owner: principal.email });
      return json(200, rows.map(toDto));
    },
    createWebhook: (call) => create(deps, call),
    getWebhook: async (call) => json(200, toDto(await ownWebhook(db, call))),
    updateWebhook: async (call) => {
      const { id } = await ownWebhook(db, call);
      const { active = true, ...words } = checkedBody(updates, call.body);
      await checkAddress(deps, words.url);
      const row = await updateWebhook(db, id, { ...words, active });
      if (!row) throw notFound(id);
      return json(200, toDto(row));
    },
    removeWebhook: async (call) => {
      const { id } = await ownWebhook(db, call);
      await removeWebhook(db, id);
      return respond(204, null);
    },
    changeWebhookSecret: async (call) => {
      const { id } = await ownWebhook(db, call);
      const secret = newSecret(randomBytes);
      if (!(await changeSecret(db, id, { secret, previousSeconds: PREVIOUS_SECONDS }))) throw notFound(id);
      return json(200, { secret, previousUntil: new Date(now().getTime() + PREVIOUS_SECONDS * 1000).toISOString() });
    },
    pingWebhook: async (call) => {
      const { id } = await activeWebhook(db, call);
      const toldAt = now();
      const number = await pingWebhook(db, id, { now: toldAt });
      return json(202, { id: messageId({ messageId: number, toldAt }) });
    },
    replayWebhook: async (call) => {
      const row = await activeWebhook(db, call);
      const { since, orderId } = checkedBody(replays, call.body ?? {});
      const after = since === undefined ? undefined : messageNumber(since);
      const chosen = { ...(after !== undefined && { since: after }), ...(orderId !== undefined && { orderId }) };
      const queued = await replayToWebhook(db, row, { ...chosen, most: MOST_REPLAYED, now: now() });
      return json(202, { queued });
    },
    listWebhookDeliveries: async (call) => {
      const { id } = await ownWebhook(db, call);
      const page = pageRequest(call.query);
      const { rows, total } = await listNotifications(db, { of: { webhook: id } }, page);
      const href = `${deps.base}/user/webhooks/${id}/deliveries`;
      return json(200, pageBody(page, rows.map(toNotificationDto), { total, href }));
    },
  };
}

async function create(deps: WebhookDeps, { principal, body }: Call): Promise<Response> {
  const { tenant = false, ...words } = checkedBody(requests, body);
  if (tenant && !isAdmin(principal))
    throw new HttpProblem(403, ["tenant: only administrators may be told of everybody's orders"]);
  await checkAddress(deps, words.url);
  const secret = newSecret(randomBytes);
  const webhook = { ...words, secret, ...(!tenant && { owner: principal.email }) };
  const row = await insertWebhook(deps.db, webhook, { most: MOST_WEBHOOKS, now: deps.now() });
  if (!row) throw new HttpProblem(409, [`Cannot add a webhook: there are ${MOST_WEBHOOKS}, remove one first`]);
  return json(201, { ...toDto(row), secret });
}

async function checkAddress({ db, now, resolve }: WebhookDeps, url: string): Promise<void> {
  const guard = webhookGuard(await readSettings(db), { now, ...(resolve && { resolve }) });
  const refusal = await addressRefusal(guard, url);
  if (refusal !== undefined) throw new HttpProblem(422, [`url: ${refusal}`]);
}

async function ownWebhook(db: Db, call: Call): Promise<WebhookRow> {
  const id = idParam(call, "webhookId");
  const row = await findWebhook(db, id);
  if (!row || !mayManage(call.principal, row.owner)) throw notFound(id);
  return row;
}

async function activeWebhook(db: Db, call: Call): Promise<WebhookRow> {
  const row = await ownWebhook(db, call);
  if (row.active) return row;
  throw new HttpProblem(409, [
    `Webhook ${row.id} is switched off${row.disabledReason ? `: ${row.disabledReason}` : ""}`,
  ]);
}

function notFound(id: number): HttpProblem {
  return new HttpProblem(404, [`Webhook ${id} does not exist`]);
}

function toDto(row: WebhookRow) {
  const { id, owner, url, kinds, description, active, disabledReason, failingSince, retryAt, createdAt } = row;
  return {
    id,
    ...(owner !== undefined && { owner }),
    url,
    kinds,
    ...(description !== undefined && { description }),
    active,
    ...(disabledReason !== undefined && { disabledReason }),
    ...(failingSince && { failingSince: failingSince.toISOString() }),
    ...(retryAt && { retryDate: retryAt.toISOString() }),
    creationDate: createdAt.toISOString(),
  };
}
