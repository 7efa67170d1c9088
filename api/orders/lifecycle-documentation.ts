/** What is said in the OpenAPI document of what can be done with an order beside the contract. */
import { Type } from "@sinclair/typebox";
import type { OperationDoc, ResponseDoc } from "../http/documentation.ts";
import { OrderDto, Problem, wrapped } from "../http/schemas.ts";
import { OrderChange } from "./extend.ts";

const refusal = (description: string): ResponseDoc => ({ description, schema: Type.Ref(Problem) });

export const ORDER_LIFECYCLE_DOCUMENTATION: Readonly<Record<"changeOrder", OperationDoc>> = {
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
};
