/**
 * The names of the contract on the broker (rs-order.md §4.1, §4.2). Exchanges are shared with every tenant and client of the virtual host;
 * queues are this tenant's own, because each release must see every message of its tenant and none may take another's.
 */
const EVENTS = "regards.broadcast.fr.cnes.regards.modules.order.amqp";
const DELIVERY_EVENTS = "regards.broadcast.fr.cnes.regards.modules.delivery.amqp";
const DELIVERY_HANDLERS = "regards.broadcast.rs-delivery.fr.cnes.regards.modules.delivery.amqp.input";
const HANDLERS = "regards.broadcast.rs-order.fr.cnes.regards.modules.order.service.request";

export const DEFAULT_VHOST = "regards.multitenant.manager";

export const EXCHANGE = {
  request: `${EVENTS}.input.OrderRequestDtoEvent`,
  cancel: `${EVENTS}.input.OrderCancelRequestDtoEvent`,
  response: `${EVENTS}.output.OrderResponseDtoEvent`,
  deliveryRequest: `${DELIVERY_EVENTS}.input.DeliveryRequestDtoEvent`,
  deliveryResponse: `${DELIVERY_EVENTS}.output.DeliveryResponseDtoEvent`,
  deadLetters: "regards.DLX",
} as const;

export const HEADER = {
  tenant: "regards.tenant",
  type: "regards.type",
  converter: "regards.converter",
  /** Not in the contract: W3C Trace Context. */
  traceparent: "traceparent",
  /** Why a message was put aside. */
  reason: "x-exception-message",
  /** The queue from which it was put aside, and when. */
  from: "x-death-queue",
  at: "x-exception-time",
} as const;

export const RESPONSE_TYPE = "fr.cnes.regards.modules.order.amqp.output.OrderResponseDtoEvent";
export const DELIVERY_RESPONSE_TYPE = "fr.cnes.regards.modules.delivery.amqp.output.DeliveryResponseDtoEvent";
export const APP_ID = "REGARDS";

export type QueueNames = { readonly request: string; readonly cancel: string; readonly delivery: string };

/** The tenant's own queues. */
export function queueNames(tenant: string): QueueNames {
  return {
    request: `${HANDLERS}.OrderRequestEventHandler.${tenant}`,
    cancel: `${HANDLERS}.OrderCancelRequestEventHandler.${tenant}`,
    delivery: `${DELIVERY_HANDLERS}.DeliveryRequestEventHandler.${tenant}`,
  };
}

/** Where messages of a queue are put aside; also their routing key on the dead-letter exchange. */
export function deadLetterQueue(queue: string): string {
  return `${queue}.DLQ`;
}
