/** Which messages of the outbox make a mail, and what that mail is called. */
import type { MessageKind } from "../orders/message-kinds.ts";

export const MAIL_KINDS = ["created", "reminder", "finished", "failed", "expiring"] as const;
export type MailKind = (typeof MAIL_KINDS)[number];

export const MESSAGE_OF_MAIL = {
  created: "GRANTED",
  reminder: "REMINDER",
  finished: "DONE",
  failed: "FAILED",
  expiring: "EXPIRES_SOON",
} as const satisfies Readonly<Record<MailKind, MessageKind>>;

/** The mail that this message makes, if any. */
export function mailKindOf(kind: string): MailKind | undefined {
  return MAIL_KINDS.find((mail) => MESSAGE_OF_MAIL[mail] === kind);
}

/** What a webhook asks for to see whether it works; told of no order. */
export const PING = "PING";
