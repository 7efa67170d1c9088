/** What is said in the OpenAPI document of what administrators do with everybody's orders. */

import { Type } from "@sinclair/typebox";
import { ORDER_SORT_KEYS } from "#store/orders.ts";
import type { OperationDoc, ResponseDoc } from "../http/documentation.ts";
import { PAGE_PARAMETERS } from "../http/page.ts";
import { OrderDto, Problem, pageOf, wrapped } from "../http/schemas.ts";
import { sortParameter } from "../http/sort.ts";
import { SearchParameters } from "./search-parameters.ts";

const refusal = (description: string): ResponseDoc => ({ description, schema: Type.Ref(Problem) });

export const ORDER_PAGE = {
  ...PAGE_PARAMETERS,
  sort: sortParameter(ORDER_SORT_KEYS, "Newest first unless told."),
} as const;

export const UNKNOWN_SORT = refusal("An unknown field to sort by.");

export const ORDER_ADMIN_DOCUMENTATION: Readonly<
  Record<"removeOrder" | "searchAllOrders" | "reportAllOrders", OperationDoc>
> = {
  removeOrder: {
    summary: "Forget a deleted order for good",
    tag: "orders",
    responses: {
      200: { description: "It is no more. Empty." },
      401: refusal("Not DELETED: a code says so."),
      404: refusal("No such order."),
      503: refusal("Its resource is still going, or Kubernetes does not answer."),
    },
  },
  searchAllOrders: {
    summary: "Everybody's orders, deleted ones too",
    tag: "orders",
    query: ORDER_PAGE,
    body: Type.Ref(SearchParameters),
    bodyOptional: true,
    responses: {
      200: { description: "A page.", schema: pageOf(wrapped(OrderDto)) },
      422: refusal("A filter or a field to sort by that is none."),
    },
  },
  reportAllOrders: {
    summary: "Everybody's orders as a table, by number",
    tag: "orders",
    description:
      "With `;` between values, quoted where needed; a text that a spreadsheet would calculate has `'` before it.",
    body: Type.Ref(SearchParameters),
    bodyOptional: true,
    responses: {
      200: { description: "The table, with a header.", mediaType: "text/csv" },
      422: refusal("A filter that is none."),
    },
  },
};
