/** What is said of each route in the OpenAPI document. The compiler demands an entry for every route of the table. */

import { type TSchema, Type } from "@sinclair/typebox";
import { FILE_SORT_KEYS } from "#store/files.ts";
import { BASKET_DOCUMENTATION } from "../baskets/documentation.ts";
import { LAYOUTS, type Layout } from "../download/layout.ts";
import { METALINK_DOCUMENTATION } from "../metalink/documentation.ts";
import { NOTIFY_DOCUMENTATION } from "../notify/documentation.ts";
import type { OperationId } from "../operations.ts";
import { ORDER_ADMIN_DOCUMENTATION, ORDER_PAGE, UNKNOWN_SORT } from "../orders/admin-documentation.ts";
import { LabelRequest } from "../orders/label.ts";
import { ORDER_LIFECYCLE_DOCUMENTATION } from "../orders/lifecycle-documentation.ts";
import { OrderRequest } from "../orders/request.ts";
import { PROCESS_DOCUMENTATION } from "../processes/documentation.ts";
import { QUOTA_DOCUMENTATION } from "../quotas/documentation.ts";
import { SERVICE_DOCUMENTATION } from "../service/documentation.ts";
import { PAGE_PARAMETERS } from "./page.ts";
import {
  AvailableFile,
  DataFile,
  FlatAvailableFile,
  Health,
  OrderDto,
  OrderPreview,
  OrderResponse,
  Problem,
  pageOf,
  Token,
  TokenRequest,
  wrapped,
} from "./schemas.ts";
import { sortParameter } from "./sort.ts";

export type ResponseDoc = {
  readonly description: string;
  readonly schema?: TSchema;
  readonly mediaType?: string | readonly string[];
  /** Of content without a schema. */
  readonly example?: string;
};
export type OperationDoc = {
  readonly summary: string;
  readonly tag:
    | "basket"
    | "orders"
    | "files"
    | "download"
    | "processes"
    | "quotas"
    | "authentication"
    | "settings"
    | "notifications"
    | "service";
  readonly description?: string;
  /** A text describes; a schema does so too and says which values are taken. */
  readonly query?: Readonly<Record<string, string | TSchema>>;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of parts of the path that are no whole numbers. */
  readonly params?: Readonly<Record<string, TSchema>>;
  readonly body?: TSchema;
  /** JSON unless told. */
  readonly bodyType?: string;
  readonly bodyOptional?: boolean;
  readonly responses: Readonly<Record<number, ResponseDoc>>;
};

const refusal = (description: string): ResponseDoc => ({ description, schema: Type.Ref(Problem) });
const PAGE = { ...PAGE_PARAMETERS, sort: "Accepted and not used." };
const RANGE = {
  range: "A single range of bytes; several are answered with the whole.",
  "if-range": "The tag of the download that is continued.",
  "if-none-match": "The tag of what the client has.",
};
const BYTES: ResponseDoc = {
  description: "The bytes, with Content-Length and ETag.",
  mediaType: "application/octet-stream",
};
const READ_REFUSALS = {
  403: { description: "Not the caller's order." },
  404: { description: "No such order." },
} as const;
const FILES_REFUSALS = { ...READ_REFUSALS, 410: refusal("The order has expired or was deleted.") } as const;
const ACTION_RESPONSES = {
  200: { description: "Asked, and normally in effect. Empty." },
  401: refusal("Not allowed to the caller, or not in this state of the order: a code says which."),
  404: refusal("No such order."),
  503: refusal("Kubernetes does not take it now."),
} as const;

function action(summary: string, description?: string): OperationDoc {
  return { summary, tag: "orders", responses: ACTION_RESPONSES, ...(description !== undefined && { description }) };
}

const OVER_QUOTA = refusal(
  "The caller's download quota or rate does not allow it: the message tells the limit and by how much it is passed. With `Retry-After` for the rate.",
);

/** As many digits as are read. */
const MOST = 999_999_999_999_999;

const ARCHIVE: OperationDoc = {
  summary: "Download the order's available files as one zip",
  tag: "download",
  description:
    "An uncompressed zip of exact length. A range goes on with the archive that `If-Range` names, or else with the one asked for last of the same layout and part, also when other files have become available since. Files that could not be had are told in `NOTICE.txt` and `notice.json`. With references, which are streamed through, it has neither length nor tag and takes no ranges. Names and parts follow from all files of the order: they stay while files arrive. `X-Archive-Parts` tells how many parts there are, also to HEAD; a part of which nothing is there yet answers 204.",
  query: {
    all: "`true`: also files that were downloaded before.",
    layout: Type.Unsafe<Layout>({
      type: "string",
      enum: [...LAYOUTS],
      default: "flat",
      description: "Folders in the zip: none, one per product, or one per dataset with one per product in it.",
    }),
    part: Type.Integer({ minimum: 1, maximum: MOST, description: "Which part, from 1; together with `partSize`." }),
    partSize: Type.Integer({
      minimum: 1,
      maximum: MOST,
      description:
        "Bytes of one part at most, unless one file alone has more. A file whose size the catalogue does not tell counts as a tenth of it.",
    }),
  },
  headers: RANGE,
  responses: {
    200: BYTES,
    206: { ...BYTES, description: "The part asked for." },
    204: { description: "Nothing to download now." },
    304: { description: "The client has it." },
    416: { description: "Beyond the end." },
    422: refusal("Layout, part or partSize is none."),
    429: OVER_QUOTA,
    ...FILES_REFUSALS,
    404: { description: "No such order, without a word, or no such part of it." },
  },
};
const PUBLIC_ARCHIVE: OperationDoc = {
  ...ARCHIVE,
  summary: "Download the order's available files as one zip, by the order's token",
  query: { orderToken: "The token of the order.", scope: "The tenant.", ...ARCHIVE.query },
};
/** Of whatever kind the catalogue says, unless a browser would run it. */
const FILE_BYTES: ResponseDoc = { ...BYTES, mediaType: "*/*" };
const FILE: OperationDoc = {
  summary: "Download one file",
  tag: "download",
  description:
    "A reference is passed on from its source, ranges too: what the source refuses is answered with its own status where that means the same here, else with 502.",
  headers: RANGE,
  responses: {
    200: FILE_BYTES,
    206: { ...FILE_BYTES, description: "The part asked for." },
    202: refusal("Not there yet, or its source says so."),
    304: { description: "The client has it." },
    403: { description: "Not a file of the caller's order." },
    404: refusal("No such file, here or at its source."),
    410: refusal("Its bytes are gone, here or at its source, or its order has expired."),
    416: { description: "Beyond the end." },
    422: refusal("It could not be made available, or its source is not one that may be asked."),
    429: OVER_QUOTA,
    502: refusal("Its source refuses it or cannot be reached."),
    503: refusal("Its source is busy. With `Retry-After` where it says so."),
    504: refusal("Its source does not answer."),
  },
};

const PUBLIC_FILE: OperationDoc = {
  ...FILE,
  summary: "Download one file by the order's token",
  query: { orderToken: "The token of the file's order; a bearer of its owner does too.", scope: "The tenant." },
  responses: { ...FILE.responses, 403: { description: "Not the token of the file's order." } },
};

const MADE: ResponseDoc = { description: "The new order.", schema: wrapped(OrderDto) };
const IDEMPOTENT = {
  "Idempotency-Key":
    "Names the request: sent again it is answered with the order that it made. Another request under it is refused.",
};
const MADE_REFUSALS = {
  403: refusal("The caller's role is too low, the owner may not order any more, or may not use a process."),
  409: refusal("The key is taken by another request, or there is too much for a process."),
  422: refusal(
    "The label is taken, too long, or the body is wrong: a code says which. Or the order is of more files than the owner's download quota allows, or a process is gone or does not take these parameters or datasets.",
  ),
  503: refusal("Kubernetes cannot be asked for a process."),
} as const;
const FROM_BASKET: Omit<OperationDoc, "summary"> = {
  headers: IDEMPOTENT,
  tag: "orders",
  description: "The basket is empty afterwards.",
  body: Type.Ref(LabelRequest),
  bodyOptional: true,
  responses: { 201: MADE, 204: { description: "There is no basket." }, ...MADE_REFUSALS },
};

export const DOCUMENTATION: Readonly<Record<OperationId, OperationDoc>> = {
  ...BASKET_DOCUMENTATION,
  ...METALINK_DOCUMENTATION,
  ...ORDER_ADMIN_DOCUMENTATION,
  ...ORDER_LIFECYCLE_DOCUMENTATION,
  ...PROCESS_DOCUMENTATION,
  ...QUOTA_DOCUMENTATION,
  ...SERVICE_DOCUMENTATION,
  ...NOTIFY_DOCUMENTATION,
  orderBasket: { summary: "Order the basket", ...FROM_BASKET },
  orderBasketForApplication: { summary: "Order the basket for an application that fetches at once", ...FROM_BASKET },
  restartOrder: {
    summary: "Order the same once more",
    tag: "orders",
    description:
      "Allowed when DONE, DONE_WITH_WARNING or FAILED. A new order of the same owner, without products that have come since.",
    headers: IDEMPOTENT,
    body: Type.Ref(LabelRequest),
    bodyOptional: true,
    responses: {
      201: MADE,
      ...MADE_REFUSALS,
      401: ACTION_RESPONSES[401],
      404: refusal("No such order."),
    },
  },
  applyOrder: {
    summary: "Order by queries",
    tag: "orders",
    description:
      "The same `correlationId` with the same request is the same order. Unknown fields are ignored, as clients of the contract send some; within `selections` they are refused.",
    query: {
      dryRun: Type.String({
        enum: ["true", "false"],
        description: "`true`: say what would be ordered, and write nothing.",
      }),
    },
    headers: { "Idempotency-Key": "The correlation id of a request whose body has none." },
    body: OrderRequest,
    responses: {
      200: { description: "A dry run: what would be ordered.", schema: wrapped(OrderPreview) },
      201: { description: "Accepted.", schema: Type.Ref(OrderResponse) },
      403: { description: "A process is for higher roles.", schema: Type.Ref(OrderResponse) },
      409: {
        description: "The correlation id is taken by another request, or there is too much for a process.",
        schema: Type.Ref(OrderResponse),
      },
      422: {
        description: "Refused; `message` and `messages` say why.",
        schema: Type.Union([Type.Ref(OrderResponse), Type.Ref(Problem)]),
      },
      503: refusal("Kubernetes cannot be asked for a process."),
    },
  },
  listOrders: {
    summary: "The caller's orders, newest first",
    tag: "orders",
    query: ORDER_PAGE,
    responses: { 200: { description: "A page.", schema: pageOf(wrapped(OrderDto)) }, 422: UNKNOWN_SORT },
  },
  getOrder: {
    summary: "One order",
    tag: "orders",
    responses: { 200: { description: "The order.", schema: wrapped(OrderDto) }, ...READ_REFUSALS },
  },
  pauseOrder: action("Pause an order", "Allowed while PENDING or RUNNING."),
  resumeOrder: action("Go on with a paused order"),
  retryOrder: action(
    "Fetch failed files again",
    "Allowed when DONE_WITH_WARNING or FAILED, and without a process: such an order is restarted.",
  ),
  cancelOrder: action("End an order that is under way", "What is there stays until it expires."),
  deleteOrder: action("Delete an order that is over or paused", "Its files are given back."),
  downloadPublicOrder: PUBLIC_ARCHIVE,
  headPublicOrder: { ...PUBLIC_ARCHIVE, summary: "Length and tag of the zip, by the order's token" },
  downloadOrder: ARCHIVE,
  headOrderDownload: { ...ARCHIVE, summary: "Length and tag of the zip" },
  listAvailableFilesFlat: {
    summary: "Files that can be downloaded, as in the guides",
    tag: "files",
    query: {
      ...PAGE,
      size: Type.Integer({ ...PAGE_PARAMETERS.size, description: "Elements on a page, 50 unless told." }),
    },
    responses: {
      200: { description: "A page; the order is over.", schema: pageOf(Type.Ref(FlatAvailableFile)) },
      204: { description: "Nothing yet." },
      206: { description: "A page; more may come.", schema: pageOf(Type.Ref(FlatAvailableFile)) },
      ...FILES_REFUSALS,
    },
  },
  listAvailableFiles: {
    summary: "Files that can be downloaded",
    tag: "files",
    query: PAGE,
    responses: { 200: { description: "A page.", schema: pageOf(wrapped(AvailableFile)) }, ...FILES_REFUSALS },
  },
  listSubOrderFiles: {
    summary: "Files of one sub-order that can be downloaded",
    tag: "files",
    query: PAGE,
    responses: { 200: { description: "A page.", schema: pageOf(wrapped(AvailableFile)) }, ...FILES_REFUSALS },
  },
  listDatasetFiles: {
    summary: "Files of one dataset of the order, in whatever state",
    tag: "files",
    query: { ...PAGE, sort: sortParameter(FILE_SORT_KEYS, "By number unless told.") },
    responses: {
      200: { description: "A page.", schema: pageOf(wrapped(DataFile)) },
      ...FILES_REFUSALS,
      422: UNKNOWN_SORT,
    },
  },
  downloadPublicFile: PUBLIC_FILE,
  headPublicFile: { ...PUBLIC_FILE, summary: "Length, type and tag of one file, by the order's token" },
  downloadFile: FILE,
  headFile: { ...FILE, summary: "Length, type and tag of one file" },
  issueToken: {
    summary: "A token for a user and password",
    tag: "authentication",
    description: "As JSON or form; the same fields as query parameters are deprecated.",
    query: { scope: "The tenant." },
    body: Type.Ref(TokenRequest),
    responses: {
      200: { description: "A bearer token.", schema: Type.Ref(Token) },
      400: refusal("Wrong credentials."),
      401: refusal("Wrong client."),
    },
  },
  openapiDocument: { summary: "This document", tag: "service", responses: { 200: { description: "OpenAPI 3.1." } } },
  openapiPage: {
    summary: "This document as a page",
    tag: "service",
    responses: { 200: { description: "A page that loads nothing from elsewhere.", mediaType: "text/html" } },
  },
  healthz: {
    summary: "Whether the process lives",
    tag: "service",
    responses: { 200: { description: "It does.", schema: Type.Ref(Health) } },
  },
  readyz: {
    summary: "Whether requests can be answered",
    tag: "service",
    responses: {
      200: { description: "They can.", schema: Type.Ref(Health) },
      503: { description: "The database does not answer.", schema: Type.Ref(Health) },
    },
  },
};
