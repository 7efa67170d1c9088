/** Webhooks as callers write and read them. */
import { type Static, Type } from "@sinclair/typebox";
import { PING } from "#store/notifications/kinds.ts";
import { NOTIFICATION_STATES } from "#store/notifications/read.ts";
import { MESSAGE_KINDS, type MessageKind } from "#store/orders.ts";

/** What a webhook can be told of; requests that became no order have none. */
const WEBHOOK_KINDS = MESSAGE_KINDS.filter((kind) => kind !== "DENIED");

function words<V extends string>(values: readonly V[], description?: string) {
  return Type.Unsafe<V>({ type: "string", enum: [...values], ...(description !== undefined && { description }) });
}

const Kind = Type.Unsafe<MessageKind>(
  Type.String({ enum: [...WEBHOOK_KINDS], pattern: `^(${WEBHOOK_KINDS.join("|")})$` }),
);
const WORDS = {
  url: Type.String({ minLength: 1, maxLength: 2048, description: "Where messages are sent by POST." }),
  kinds: Type.Array(Kind, {
    minItems: 1,
    maxItems: WEBHOOK_KINDS.length,
    uniqueItems: true,
    description: "What it is told of.",
  }),
  description: Type.Optional(Type.String({ maxLength: 200 })),
};

export const WebhookRequest = Type.Object(
  {
    ...WORDS,
    tenant: Type.Optional(
      Type.Boolean({ description: "Told of everybody's orders; for administrators. False unless told." }),
    ),
  },
  {
    $id: "WebhookRequest",
    additionalProperties: false,
    examples: [{ url: "https://receiver.example.org/orders", kinds: ["SUBORDER_DONE", "DONE", "FAILED"] }],
  },
);
export type WebhookRequest = Readonly<Static<typeof WebhookRequest>>;

export const WebhookUpdate = Type.Object(
  {
    ...WORDS,
    active: Type.Optional(Type.Boolean({ description: "True unless told: also switches on what was switched off." })),
  },
  {
    $id: "WebhookUpdate",
    additionalProperties: false,
    examples: [{ url: "https://receiver.example.org/orders", kinds: ["DONE", "FAILED"], active: true }],
  },
);
export type WebhookUpdate = Readonly<Static<typeof WebhookUpdate>>;

export const ReplayRequest = Type.Object(
  {
    since: Type.Optional(
      Type.String({
        pattern: "^(msg_)?[0-9]{1,15}(_[0-9a-z]{1,12})?$",
        description: "Messages after the one with this id (`webhook-id`).",
      }),
    ),
    orderId: Type.Optional(Type.Integer({ minimum: 0, maximum: 999_999_999_999_999, description: "Of this order." })),
  },
  { $id: "ReplayRequest", additionalProperties: false, examples: [{ orderId: 12 }] },
);
export type ReplayRequest = Readonly<Static<typeof ReplayRequest>>;

const Time = (description: string) => Type.Optional(Type.String({ format: "date-time", description }));
const VIEW = {
  id: Type.Integer(),
  owner: Type.Optional(Type.String({ description: "Absent: of the tenant." })),
  url: Type.String(),
  kinds: Type.Array(words(MESSAGE_KINDS)),
  description: Type.Optional(Type.String()),
  active: Type.Boolean(),
  disabledReason: Type.Optional(Type.String({ description: "Why it was switched off, where no user did it." })),
  failingSince: Time("Of what it has not taken well since."),
  retryDate: Time("Not tried before, because it could not be reached."),
  creationDate: Type.String({ format: "date-time" }),
};

export const Webhook = Type.Object(VIEW, { $id: "Webhook" });
export const NewWebhook = Type.Object(
  { ...VIEW, secret: Type.String({ description: "Signs the messages. Shown now and never again." }) },
  { $id: "NewWebhook" },
);

export const WebhookSecret = Type.Object({
  secret: Type.String({ description: "Shown now and never again." }),
  previousUntil: Type.String({ format: "date-time", description: "Until then the secret before signs too." }),
});

export const WebhookPing = Type.Object({ id: Type.String({ description: "The `webhook-id` of the message." }) });
export const WebhookReplay = Type.Object({ queued: Type.Integer({ description: "Messages that are sent again." }) });

export const Notification = Type.Object(
  {
    id: Type.String({ description: "Of the message: the `webhook-id`." }),
    orderId: Type.Optional(Type.Integer()),
    kind: words([...MESSAGE_KINDS, PING], "What is told."),
    target: Type.String({ description: "Mail address, or number of the webhook." }),
    state: words(NOTIFICATION_STATES, "`failed`: given up; `skipped`: not needed any more."),
    attempts: Type.Integer(),
    answer: Type.Optional(Type.Integer({ description: "Status of the receiver's last answer, of HTTP or SMTP." })),
    lastError: Type.Optional(Type.String()),
    messageDate: Type.String({ format: "date-time" }),
    retryDate: Time("When it is tried next."),
    endDate: Time("When it was delivered, given up or found to be not needed."),
  },
  { $id: "Notification" },
);
