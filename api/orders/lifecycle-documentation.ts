/** What is said in the OpenAPI document of what can be done with an order beside the contract. */
import { Type } from "@sinclair/typebox";
import { FILE_STATES } from "#crds/files.ts";
import { SUB_ORDER_STATES } from "../files/order-files.ts";
import type { OperationDoc, ResponseDoc } from "../http/documentation.ts";
import { ActionResults, DataFile, OrderDto, Problem, pageOf, SubOrder, wrapped } from "../http/schemas.ts";
import { OrdersAction } from "./bulk.ts";
import { OrderChange } from "./extend.ts";

const refusal = (description: string): ResponseDoc => ({ description, schema: Type.Ref(Problem) });

const PAGE = { page: "Which page, from 0.", size: "Elements on a page, at most 2000." };
const states = (values: readonly string[]) =>
  Type.String({
    pattern: `^(${values.join("|")})(,(${values.join("|")}))*$`,
    description: `Only those in these states, with commas between them: ${values.join(", ")}.`,
  });
const REFUSALS = {
  403: { description: "Not the caller's order." },
  404: { description: "No such order." },
  410: refusal("The order has expired or was deleted."),
} as const;

export const ORDER_LIFECYCLE_DOCUMENTATION: Readonly<
  Record<"changeOrder" | "actOnOrders" | "orderEvents" | "listOrderFiles" | "listSubOrders", OperationDoc>
> = {
  changeOrder: {
    summary: "Give an order another expiration",
    tag: "orders",
    description:
      "Sooner or later than planned, at most the tenant's `expiration_max_duration_in_hours` from now. Files that arrive afterwards still stay a day, or as long as one sub-order does.",
    body: Type.Ref(OrderChange),
    responses: {
      200: { description: "The order, with what holds now.", schema: wrapped(OrderDto) },
      202: { description: "Asked, and not in effect yet: the order as it was.", schema: wrapped(OrderDto) },
      401: refusal("Not allowed to the caller: a code says so."),
      404: refusal("No such order."),
      409: refusal("Its resource is gone: nothing can be asked of it any more."),
      410: refusal("It has expired or was deleted: its files are given back."),
      422: refusal("A date that is none, is over, or lies too far ahead."),
      503: refusal("Kubernetes does not take it now."),
    },
  },
  actOnOrders: {
    summary: "Pause, resume, retry, cancel or delete many orders",
    tag: "orders",
    description: "Each by the rules of the action on one order; what was asked shows on the orders a moment later.",
    body: Type.Ref(OrdersAction),
    responses: {
      200: { description: "All were asked.", schema: wrapped(ActionResults) },
      207: {
        description: "Some were refused: `status` and `messages` of each say why.",
        schema: wrapped(ActionResults),
      },
      422: refusal("An action that is none, or not exactly one of `orderIds` and `filter`."),
    },
  },
  listOrderFiles: {
    summary: "Files of the order in whatever state, with what went wrong",
    tag: "files",
    query: {
      ...PAGE,
      state: states(FILE_STATES),
      subOrder: Type.Integer({
        description: "Only those of the sub-order with this number.",
        minimum: 0,
        maximum: 999_999_999,
      }),
    },
    responses: {
      200: { description: "A page.", schema: pageOf(wrapped(DataFile)) },
      422: refusal("A state or number that is none."),
      ...REFUSALS,
    },
  },
  listSubOrders: {
    summary: "Sub-orders of the order",
    tag: "orders",
    query: { ...PAGE, state: states(SUB_ORDER_STATES) },
    responses: {
      200: { description: "A page.", schema: pageOf(wrapped(SubOrder)) },
      422: refusal("A state that is none."),
      ...REFUSALS,
    },
  },
  orderEvents: {
    summary: "Follow an order as it happens",
    tag: "orders",
    description:
      "Server-sent events. Each message told of the order comes once, with its id, its kind as name and its words as data; `progress` (without id) tells how the order stands whenever that has changed. `Last-Event-ID` goes on after that event. A comment every 15 seconds shows that the line is there. Ends when the order has expired or is deleted, and after an hour at the latest: come back then.",
    query: {
      until: Type.String({
        enum: ["run", "departure"],
        description: "`run`: end with the order's present run, when it is DONE or FAILED; `departure` unless told.",
      }),
    },
    headers: { "Last-Event-ID": "The last event that the client has." },
    responses: {
      200: { description: "Events as they happen.", mediaType: "text/event-stream" },
      204: { description: "The client has all that there will be." },
      403: { description: "Not the caller's order." },
      404: { description: "No such order." },
      422: refusal("An id or `until` that is none."),
      429: refusal("Too many streams of the caller are open."),
    },
  },
};
