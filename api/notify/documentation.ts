/** What is said of webhooks and mails in the OpenAPI document. */

import { Type } from "@sinclair/typebox";
import { MAIL_KINDS } from "#store/notifications/kinds.ts";
import { NOTIFICATION_STATES } from "#store/notifications/read.ts";
import type { OperationDoc, ResponseDoc } from "../http/documentation.ts";
import { PAGE_PARAMETERS } from "../http/page.ts";
import { Problem, pageOf } from "../http/schemas.ts";
import type { MailOperation } from "./mail/handlers.ts";
import { MailPreview, MailPreviewRequest, MailTemplateRequest, MailTemplateView } from "./mail/schemas.ts";
import type { WebhookOperation } from "./webhooks/handlers.ts";
import {
  NewWebhook,
  Notification,
  ReplayRequest,
  Webhook,
  WebhookPing,
  WebhookReplay,
  WebhookRequest,
  WebhookSecret,
  WebhookUpdate,
} from "./webhooks/schemas.ts";

const refusal = (description: string): ResponseDoc => ({ description, schema: Type.Ref(Problem) });
const NO_WEBHOOK = refusal("No such webhook of the caller's.");
const OFF = refusal("The webhook is switched off.");
const WEBHOOK: ResponseDoc = { description: "The webhook.", schema: Type.Ref(Webhook) };
const REFUSED = refusal("A field is wrong, or the address is not allowed; the message says which and why.");
const KIND = { kind: Type.Unsafe<string>({ type: "string", enum: [...MAIL_KINDS], description: "Which mail." }) };
const NO_MAIL = refusal("No mail is called so.");
const TEMPLATE: ResponseDoc = { description: "The template as it is now.", schema: Type.Ref(MailTemplateView) };
const PROBLEMS = refusal("Not a template: the messages name part, line and what was expected.");

const tag = "notifications";

export const NOTIFY_DOCUMENTATION: Readonly<Record<MailOperation | WebhookOperation, OperationDoc>> = {
  listWebhooks: {
    summary: "The caller's webhooks",
    tag,
    query: { all: "`true`: everybody's and the tenant's; of administrators only." },
    responses: { 200: { description: "The webhooks, without their secrets.", schema: Type.Array(Type.Ref(Webhook)) } },
  },
  createWebhook: {
    summary: "Have an address told of orders",
    tag,
    description:
      "Messages are signed as Standard Webhooks says: headers `webhook-id`, `webhook-timestamp`, `webhook-signature` (`v1`, HMAC-SHA-256). They come at least once, those of one order in its order; the id tells a repeat. What is not answered by a 2xx is tried again, `Retry-After` is kept to, redirects are not followed, 410 switches the webhook off.",
    body: Type.Ref(WebhookRequest),
    responses: {
      201: { description: "The webhook with its secret.", schema: Type.Ref(NewWebhook) },
      403: refusal("Only administrators make webhooks of the tenant."),
      409: refusal("The owner has as many as there may be."),
      422: REFUSED,
    },
  },
  getWebhook: { summary: "A webhook", tag, responses: { 200: WEBHOOK, 404: NO_WEBHOOK } },
  updateWebhook: {
    summary: "Change a webhook, or switch it on again",
    tag,
    body: Type.Ref(WebhookUpdate),
    responses: { 200: WEBHOOK, 404: NO_WEBHOOK, 422: REFUSED },
  },
  removeWebhook: {
    summary: "Remove a webhook and what it would still be told",
    tag,
    responses: { 204: { description: "Done. Empty." }, 404: NO_WEBHOOK },
  },
  changeWebhookSecret: {
    summary: "Give a webhook a new secret; for a day both sign",
    tag,
    responses: { 200: { description: "The new secret.", schema: WebhookSecret }, 404: NO_WEBHOOK },
  },
  pingWebhook: {
    summary: "Send a webhook a test message",
    tag,
    responses: {
      202: { description: "It is on its way: see the deliveries.", schema: WebhookPing },
      404: NO_WEBHOOK,
      409: OFF,
    },
  },
  replayWebhook: {
    summary: "Send a webhook messages again",
    tag,
    description: "Of all orders that it may see, since a message or of one order; with the ids that they had.",
    body: Type.Ref(ReplayRequest),
    bodyOptional: true,
    responses: {
      202: { description: "They are on their way.", schema: WebhookReplay },
      404: NO_WEBHOOK,
      409: OFF,
      422: REFUSED,
    },
  },
  listWebhookDeliveries: {
    summary: "What became of a webhook's messages, newest first",
    tag,
    query: PAGE_PARAMETERS,
    responses: { 200: { description: "A page of messages.", schema: pageOf(Type.Ref(Notification)) }, 404: NO_WEBHOOK },
  },
  listMailTemplates: {
    summary: "The words of the tenant's mails",
    tag,
    responses: { 200: { description: "A template for each mail.", schema: Type.Array(Type.Ref(MailTemplateView)) } },
  },
  getMailTemplate: { summary: "The words of a mail", tag, params: KIND, responses: { 200: TEMPLATE, 404: NO_MAIL } },
  updateMailTemplate: {
    summary: "Change the words of a mail",
    tag,
    description:
      "`{{name}}` is a value, `{{#name}}…{{/name}}` stands there where there is one (or for each of a list), `{{^name}}…{{/name}}` where there is none. An unknown name is refused with those that there are.",
    params: KIND,
    body: Type.Ref(MailTemplateRequest),
    responses: { 200: TEMPLATE, 404: NO_MAIL, 422: PROBLEMS },
  },
  resetMailTemplate: {
    summary: "Give a mail the words of the program again",
    tag,
    params: KIND,
    responses: { 200: TEMPLATE, 404: NO_MAIL },
  },
  previewMail: {
    summary: "A mail as it would be sent, with other words or for an order",
    tag,
    params: KIND,
    body: Type.Ref(MailPreviewRequest),
    bodyOptional: true,
    responses: {
      200: { description: "The mail.", schema: MailPreview },
      404: { description: "No mail is called so, or no such order." },
      422: PROBLEMS,
    },
  },
  listMails: {
    summary: "What became of the tenant's mails, newest first",
    tag,
    query: {
      ...PAGE_PARAMETERS,
      state: Type.Unsafe<string>({ type: "string", enum: [...NOTIFICATION_STATES], description: "Only these." }),
    },
    responses: { 200: { description: "A page of mails.", schema: pageOf(Type.Ref(Notification)) } },
  },
};
