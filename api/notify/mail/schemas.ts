/** Mail templates as administrators write and read them. */
import { type Static, Type } from "@sinclair/typebox";
import { MAIL_KINDS } from "#store/notifications/kinds.ts";

const PARTS = {
  subject: Type.String({ minLength: 1, maxLength: 500, description: "One line." }),
  text: Type.String({ minLength: 1, maxLength: 100_000, description: "The mail as plain text." }),
  html: Type.String({ minLength: 1, maxLength: 100_000, description: "The mail as HTML; values are escaped." }),
};

export const MailTemplateRequest = Type.Object(PARTS, {
  $id: "MailTemplateRequest",
  additionalProperties: false,
  examples: [
    {
      subject: "Order {{order_id}} is ready",
      text: "{{order_label}} can be downloaded: {{download_url}}\n",
      html: '<p><a href="{{download_url}}">{{order_label}}</a></p>\n',
    },
  ],
});
export type MailTemplateRequest = Readonly<Static<typeof MailTemplateRequest>>;

export const MailPreviewRequest = Type.Object(
  {
    subject: Type.Optional(PARTS.subject),
    text: Type.Optional(PARTS.text),
    html: Type.Optional(PARTS.html),
    orderId: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 999_999_999_999_999,
        description: "The order that is told of; an invented one unless told.",
      }),
    ),
  },
  { $id: "MailPreviewRequest", additionalProperties: false, examples: [{ subject: "Order {{order_id}}" }] },
);
export type MailPreviewRequest = Readonly<Static<typeof MailPreviewRequest>>;

export const MailTemplateView = Type.Object(
  {
    kind: Type.Unsafe<string>({ type: "string", enum: [...MAIL_KINDS] }),
    enabled: Type.Boolean({ description: "Whether the setting `mail_kinds` has it." }),
    shipped: Type.Boolean({ description: "The words are those of the program." }),
    updateDate: Type.Optional(Type.String({ format: "date-time" })),
    ...PARTS,
  },
  { $id: "MailTemplate" },
);

export const MailPreview = Type.Object(PARTS);
