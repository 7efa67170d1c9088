/** A message as webhooks get it. The same id and body whenever it is sent: by the id a receiver knows a repeat. Pure. */
import type { DueNotification } from "#store/notifications/claim.ts";

/** The number of the message, and its time: a database that is begun anew counts from one again. */
export function messageId({ messageId: id, toldAt }: Pick<DueNotification, "messageId" | "toldAt">): string {
  return `msg_${id}_${toldAt.getTime().toString(36)}`;
}

/** The number in an id of `messageId`, or a number alone; undefined where it is neither. */
export function messageNumber(id: string): number | undefined {
  const number = /^(?:msg_)?(\d{1,15})(?:_[0-9a-z]{1,12})?$/.exec(id)?.[1];
  return number === undefined ? undefined : Number(number);
}

export function messageBody(notification: DueNotification, tenant: string): string {
  const { kind, toldAt, payload } = notification;
  return JSON.stringify({
    id: messageId(notification),
    type: kind,
    timestamp: toldAt.toISOString(),
    tenant,
    data: payload,
  });
}
