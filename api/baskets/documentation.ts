/** What is said of the basket's routes in the OpenAPI document. */
import { Type } from "@sinclair/typebox";
import type { OperationDoc, ResponseDoc } from "../http/documentation.ts";
import { Problem, wrapped } from "../http/schemas.ts";
import { FileSelectionDescription, ProcessDatasetDescription } from "./options.ts";
import { BasketSelectionRequest } from "./request.ts";
import { Basket } from "./schemas.ts";

const refusal = (description: string): ResponseDoc => ({ description, schema: Type.Ref(Problem) });
const BASKET: ResponseDoc = { description: "The basket.", schema: wrapped(Basket) };
const NO_BASKET: ResponseDoc = { description: "There is no basket." };
const BUSY = refusal("Too many requests change the basket at once, or Kubernetes does not answer.");
const ADDED = {
  200: BASKET,
  204: { description: "Nothing that can be ordered is selected." },
  409: refusal("Too much for the process of a dataset."),
  422: refusal(
    "The request is wrong in itself, the catalogue cannot answer it, the basket is full, or a process is not for its dataset any more.",
  ),
  503: BUSY,
} as const;
const CHANGED = {
  200: BASKET,
  204: NO_BASKET,
  404: refusal("No such dataset selection, or process."),
  503: BUSY,
} as const;
const DATE = { itemsSelectionDate: Type.String({ format: "date-time", description: "Date of the selection." }) };

type BasketOperation =
  | "getBasket"
  | "emptyBasket"
  | "addBasketSelection"
  | "uploadBasketSelection"
  | "removeBasketDataset"
  | "removeBasketItem"
  | "updateBasketProcessing"
  | "updateBasketFileFilters";

export const BASKET_DOCUMENTATION: Readonly<Record<BasketOperation, OperationDoc>> = {
  getBasket: { summary: "The caller's basket", tag: "basket", responses: { 200: BASKET, 204: NO_BASKET } },
  emptyBasket: {
    summary: "Throw the basket away",
    tag: "basket",
    responses: { 204: { description: "There is no basket any more." } },
  },
  addBasketSelection: {
    summary: "Put a selection into the basket",
    tag: "basket",
    body: Type.Ref(BasketSelectionRequest),
    responses: { ...ADDED, 417: refusal("Parameters that make no selection.") },
  },
  uploadBasketSelection: {
    summary: "Put products into the basket by a file of their ids",
    tag: "basket",
    description:
      "A text file, one provider id per line. Blank lines, ids that are unknown and ids that the caller may not see are ignored.",
    body: Type.Object({ file: Type.String({ format: "binary" }) }),
    bodyType: "multipart/form-data",
    responses: {
      ...ADDED,
      400: refusal("Not a form with a `file` in UTF-8."),
      413: refusal("Too many lines, or bytes."),
    },
  },
  removeBasketDataset: {
    summary: "Take a dataset out of the basket",
    tag: "basket",
    responses: { 200: BASKET, 204: NO_BASKET, 503: BUSY },
  },
  removeBasketItem: {
    summary: "Take one selection of a dataset out of the basket",
    tag: "basket",
    params: DATE,
    responses: {
      200: BASKET,
      204: NO_BASKET,
      422: refusal("Not a date, or the catalogue cannot measure what is left."),
      503: BUSY,
    },
  },
  updateBasketProcessing: {
    summary: "Run a process on the files of a dataset",
    tag: "basket",
    description: "Without a body, none.",
    body: Type.Ref(ProcessDatasetDescription),
    bodyOptional: true,
    responses: {
      ...CHANGED,
      400: refusal("The dataset has a file filter."),
      403: refusal("The process is for higher roles."),
      409: refusal("The dataset has too much for the process."),
      422: refusal(
        "The body is not such a description, or the process is not ready, not for this dataset, or does not take these parameters.",
      ),
    },
  },
  updateBasketFileFilters: {
    summary: "Order only some files of a dataset",
    tag: "basket",
    description: "Without a body, all.",
    body: Type.Ref(FileSelectionDescription),
    bodyOptional: true,
    responses: {
      ...CHANGED,
      400: refusal("The dataset has a process, or the pattern is no regular expression."),
      422: refusal("The body is not such a description."),
    },
  },
};
