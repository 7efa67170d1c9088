/** What became of a notification, as callers read it. Pure. */
import type { NotificationRow } from "#store/notifications/read.ts";
import { messageId } from "./webhooks/message.ts";

export function toNotificationDto(row: NotificationRow) {
  const { orderId, kind, target, state, attempts, answer, lastError, toldAt, dueAt, endedAt } = row;
  return {
    id: messageId(row),
    ...(orderId !== undefined && { orderId }),
    kind,
    target,
    state,
    attempts,
    ...(answer !== undefined && { answer }),
    ...(lastError !== undefined && { lastError }),
    messageDate: toldAt.toISOString(),
    ...(state === "waiting" && { retryDate: dueAt.toISOString() }),
    ...(endedAt && { endDate: endedAt.toISOString() }),
  };
}
